import { gzipSync } from 'node:zlib'
import type { Case } from '../case.ts'
import type { Severity } from '../verdicts.ts'
import type { Bench } from '../parts/bench.ts'
import { DOCS, headed, row } from '../parts/row.ts'
import { accepted, refused, survived, type Make } from '../plays.ts'
import { cdata, editedShot, fieldsOf, sealed, signedShot, signOf, xmlOf } from './forms.ts'

const NO_DTD =
  'Refuse <!DOCTYPE and <!ENTITY before parsing, or disable document types in the parser (disallow-doctype-decl).'
const LIMITS = 'Before parsing, limit the body (64 kB is plenty), the depth (one level) and the number of elements.'
const ONE_READING =
  'Refuse a message that two parsers read differently: repeated or nested elements, comments inside values.'

/** The genuine message with a document type. */
const doctype =
  (internal: (bench: Bench) => string, attach = '&x;', external: (bench: Bench) => string = () => ''): Make =>
  (bench, no) => {
    const fields = fieldsOf(bench, no, { attach: 'X' })
    const xml = xmlOf([...fields, ['sign', signOf(bench, no, fields)]]).replace(cdata('X'), () => attach)
    return bench.bytes(`<?xml version="1.0"?><!DOCTYPE xml${external(bench)} [${internal(bench)}]>${xml}`)
  }
const trapUrl = (bench: Bench) => bench.trap.url(bench.id)

const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('')

/** The genuine message, edited, with a wrong signature: every backend must refuse it. */
const forged =
  (edit: (xml: string, bench: Bench) => string): Make =>
  (bench, no) =>
    bench.bytes(edit(xmlOf([...fieldsOf(bench, no), ['sign', '0'.repeat(32)]]), bench))

const XXE: readonly [id: string, title: string, make: Make, quick?: true][] = [
  ['N-501', 'An entity that reads a file', doctype(({ trap }) => `<!ENTITY x SYSTEM "${trap.file}">`), true],
  [
    'N-502',
    'A parameter entity that fetches a URL',
    doctype((bench) => `<!ENTITY % p SYSTEM "${trapUrl(bench)}"> %p;`, ''),
  ],
  ['N-503', 'An entity that fetches a URL', doctype((bench) => `<!ENTITY x SYSTEM "${trapUrl(bench)}">`)],
  [
    'N-509',
    'An external document type',
    doctype(
      () => '',
      '',
      (bench) => ` SYSTEM "${trapUrl(bench)}"`,
    ),
  ],
  [
    'N-512',
    'XInclude',
    forged((xml, bench) =>
      xml.replace(
        '<xml>',
        `<xml xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include parse="text" href="${trapUrl(bench)}"/>`,
      ),
    ),
  ],
  [
    'N-513',
    'An external stylesheet',
    forged((xml, bench) => `<?xml-stylesheet type="text/xsl" href="${trapUrl(bench)}"?>${xml}`),
  ],
]

/** Adds an element so large that the message has about this many bytes. */
const large = (bytes: number): Make =>
  forged((xml) => xml.replace('</xml>', () => `<pad>${'A'.repeat(bytes)}</pad></xml>`))

const BOMBS: readonly [id: string, title: string, make: Make, limitMs: number, quick?: true][] = [
  ['N-504', 'A billion laughs', doctype(() => `<!ENTITY l0 "lol">${laughs}`, '&l9;'), 1000, true],
  ['N-514', 'Quadratic blow-up', doctype(() => `<!ENTITY x "${'a'.repeat(50_000)}">`, '&x;'.repeat(20_000)), 2000],
  ['N-505', 'A message of 1 MB', large(1 << 20), 5000],
  ['N-515', 'A message of 16 MB', large(16 << 20), 5000],
  ['N-516', 'A message of 64 MB', large(64 << 20), 5000],
  [
    'N-506',
    '100,000 elements',
    editedShot((xml) => xml.replace('</xml>', () => `${'<a/>'.repeat(100_000)}</xml>`)),
    5000,
  ],
  [
    'N-517',
    'Elements nested 10,000 deep',
    editedShot((xml) => xml.replace('</xml>', () => `${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}</xml>`)),
    5000,
  ],
  [
    'N-518',
    '50,000 unterminated CDATA sections',
    editedShot((xml) => xml.replace('</xml>', () => '<![CDATA['.repeat(50_000))),
    2000,
  ],
  [
    'N-519',
    '10,000 attributes',
    editedShot((xml) =>
      xml.replace('<xml>', () => `<xml ${Array.from({ length: 10_000 }, (_, n) => `a${n}="1"`).join(' ')}>`),
    ),
    5000,
  ],
]

const BYTES: readonly [id: string, title: string, body: (xml: string) => string | Buffer][] = [
  [
    'N-511',
    'Bytes that are not UTF-8',
    (xml) =>
      Buffer.concat([
        Buffer.from(xml.replace('</xml>', '<a>')),
        Buffer.from([0xff, 0xfe, 0xc3, 0x28]),
        Buffer.from('</a></xml>'),
      ]),
  ],
  ['N-520', 'A NUL byte', (xml) => xml.replace('</xml>', '<a>\0</a></xml>')],
  [
    'N-521',
    'An overlong encoding of <',
    (xml) =>
      Buffer.concat([Buffer.from(xml.replace('</xml>', '<a>')), Buffer.from([0xc0, 0xbc]), Buffer.from('</a></xml>')]),
  ],
  ['N-522', 'Half a surrogate pair as a character reference', (xml) => xml.replace('</xml>', '<a>&#xD800;</a></xml>')],
  ['N-523', 'An undeclared entity', (xml) => xml.replace('</xml>', '<a>&nope;</a></xml>')],
  ['N-524', 'UTF-16', (xml) => Buffer.from(`\uFEFF${xml.replace('</xml>', '<a/></xml>')}`, 'utf16le')],
  ['N-525', 'Compressed with gzip, undeclared', (xml) => gzipSync(xml)],
  ['N-526', 'Two root elements', (xml) => `${xml}<xml><a/></xml>`],
  ['N-527', 'Text after the end', (xml) => `${xml} trailing`],
  ['N-528', 'An empty body', () => ''],
  ['N-529', 'Only white space', () => ' \n\t '],
  ['N-530', 'JSON', () => '{"return_code":"SUCCESS","result_code":"SUCCESS"}'],
  ['N-531', 'A form', () => 'return_code=SUCCESS&result_code=SUCCESS&total_fee=1250'],
  ['N-532', 'The end tag is missing', (xml) => xml.replace('</xml>', '')],
  ['N-533', 'An end tag with another name', (xml) => xml.replace('</out_trade_no>', '</out_trade>')],
]

/** Names with a meaning for objects in JavaScript, Python or PHP. */
const names = (name: string): Make => signedShot({ [name]: 'x' })

/** One element twice; the signature covers the first, or the last. */
const twice =
  (which: 'first' | 'last', name = 'total_fee', other = '1'): Make =>
  (bench, no) => {
    const fields = fieldsOf(bench, no)
    const signedFields = fields.map(
      ([field, value]) =>
        [field, field === name && which === 'first' ? value : field === name ? other : value] as const,
    )
    const xml = xmlOf([...fields, ['sign', signOf(bench, no, signedFields)]])
    return bench.bytes(xml.replace(`</${name}>`, () => `</${name}><${name}>${cdata(other)}</${name}>`))
  }

/** The signature covers the whole of a value that a careless reader cuts in two. */
const cutValue =
  (name: string, write: (head: string, tail: string) => string): Make =>
  (bench, no) => {
    const fields = fieldsOf(bench, no)
    const whole = sealed(
      bench,
      no,
      fields.map(([field, value]) => [field, field === name ? `${value}00` : value] as const),
    )
    return bench.bytes(
      xmlOf(whole, { write: (value, field) => (field === name ? write(value.slice(0, -2), '00') : cdata(value)) }),
    )
  }

const byId = (severity: Severity, must: string, fix: string) => (id: string, title: string, play: Case['play']) =>
  row(id, severity, title, must, fix, play)

const bad = byId(
  'hygiene',
  'The backend refuses a malformed message at once.',
  "Answer FAIL if you cannot parse the message. Catch the parser's errors.",
)

export const HOSTILE: readonly Case[] = [
  ...XXE.map(([id, title, make, quick]) =>
    row(
      id,
      'security',
      headed('XXE', title),
      'A message must not make the backend read a file or fetch a URL.',
      NO_DTD,
      survived(make),
      {
        source: DOCS.xxe,
        ...(quick && { quick }),
      },
    ),
  ),
  ...BOMBS.map(([id, title, make, limitMs, quick]) =>
    row(
      id,
      'availability',
      title,
      `The backend refuses it within ${limitMs / 1000} s and serves the next order.`,
      LIMITS,
      survived(make, { limitMs }),
      quick ? { quick } : {},
    ),
  ),
  row(
    'N-507',
    'security',
    'Validly signed: an element where text is expected',
    'A value is text. The backend refuses a nested element.',
    ONE_READING,
    refused(
      (bench, no) => {
        const fields = fieldsOf(bench, no)
        return bench.bytes(
          xmlOf([...fields, ['sign', signOf(bench, no, fields)]], {
            write: (value, name) => (name === 'total_fee' ? `<v>${value}</v>` : cdata(value)),
          }),
        )
      },
      { taken: 'PASS' },
    ),
  ),
  row(
    'N-508',
    'money',
    'total_fee twice, signature covers the first',
    'The backend refuses a repeated element: it must not mix two readings.',
    ONE_READING,
    refused(twice('first'), { taken: 'LAX' }),
    { quick: true },
  ),
  row(
    'N-534',
    'money',
    'total_fee twice, signature covers the last',
    'The backend refuses a repeated element: it must not mix two readings.',
    ONE_READING,
    refused(twice('last'), { taken: 'LAX' }),
  ),
  row(
    'N-535',
    'money',
    'result_code twice: SUCCESS and FAIL',
    'The backend refuses a repeated element: it must not mix two readings.',
    ONE_READING,
    refused(twice('last', 'result_code', 'FAIL'), { taken: 'PASS' }),
  ),
  row(
    'N-536',
    'money',
    'A comment inside total_fee',
    'A comment does not split the text of an element: 12<!---->50 is 1250. The backend may also refuse it.',
    ONE_READING,
    refused(
      cutValue('total_fee', (head, tail) => `${head}<!-- -->${tail}`),
      { taken: 'PASS', held: true },
    ),
  ),
  row(
    'N-537',
    'money',
    'total_fee as CDATA followed by text',
    'CDATA and text make one value, here 125000. The backend may also refuse it.',
    ONE_READING,
    refused(
      cutValue('total_fee', (head, tail) => `${cdata(head)}${tail}`),
      { taken: 'PASS', held: true },
    ),
  ),
  row(
    'N-510',
    'hygiene',
    'A byte order mark',
    'The backend may accept it or refuse it.',
    'Nothing to do.',
    accepted((bench, no) => bench.bytes(`\uFEFF${String(bench.message(no).body)}`), { lax: 'WeChat sends none' }),
  ),
  ...BYTES.map(([id, title, body]) =>
    ['N-511', 'N-520', 'N-521', 'N-522', 'N-523', 'N-524'].includes(id)
      ? row(
          id,
          'security',
          title,
          'The backend refuses it without crashing and reveals nothing about the program.',
          'Decode strictly as UTF-8. Refuse anything else.',
          survived(editedShot((xml) => body(xml))),
        )
      : bad(id, title, survived(editedShot((xml) => body(xml)))),
  ),
  row(
    'N-538',
    'hygiene',
    'Another root element',
    'The root is <xml>. The backend refuses another one, or ignores its name.',
    'Check the name of the root.',
    refused(
      editedShot((xml) => xml.replace('<xml>', '<root>').replace('</xml>', '</root>')),
      { taken: 'LAX' },
    ),
  ),
  ...(['__proto__', 'constructor', 'toString', '__class__'] as const).map((name, n) =>
    row(
      `N-54${n}`,
      'security',
      `Validly signed: an element called ${name}`,
      'An element name is plain text and must not reach an object of the program.',
      'Keep the fields in a map, or an object without a prototype.',
      accepted(names(name), { lax: 'WeChat never uses this name' }),
    ),
  ),
  row(
    'N-544',
    'security',
    'Validly signed: SQL in attach',
    'Values are bound to a statement, not pasted into it.',
    'Use bound parameters.',
    accepted(signedShot({ attach: "'; DROP TABLE orders; --" })),
    {},
  ),
  row(
    'N-545',
    'security',
    'Validly signed: line feeds in a value',
    'A value with line feeds and colons must not add a line to the log, or a header.',
    'Escape line feeds before you log. Never copy a value into a header.',
    accepted(
      signedShot(
        { attach: 'a\r\nX-Injected: 1\r\n\r\n<xml>' },
        { write: (value) => cdata(value).replaceAll('\r', ']]>&#13;<![CDATA[') },
      ),
      { lax: 'line feeds in attach are unusual' },
    ),
  ),
]
