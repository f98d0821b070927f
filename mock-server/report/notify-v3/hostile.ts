import type { Case } from '../case.ts'
import { row } from '../parts/row.ts'
import { accepted, survived, type Make } from '../plays.ts'
import { envelopeShot, factsShot, plainOf, sealedShot, textShot } from './forms.ts'

const BODIES =
  "Refuse anything but a JSON object with the members you need, before you use them. Catch the parser's errors."
const LIMITS = 'Before parsing, limit the body (64 kB is plenty) and the depth.'

/** Bytes without a valid signature: anybody could have sent them. */
const unsigned =
  (body: (text: string) => string | Buffer): Make =>
  (bench, no) => ({
    ...bench.bytes(body(String(bench.message(no).body)), { 'Wechatpay-Signature': 'AAAA' }),
  })

const BYTES: readonly [id: string, title: string, body: (text: string) => string | Buffer][] = [
  [
    'V-511',
    'Bytes that are not UTF-8',
    (text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0xfe, 0x7d])]),
  ],
  ['V-520', 'A NUL byte', (text) => `${text}\0`],
  ['V-522', 'Half a surrogate pair', () => '{"id":"\\ud800"}'],
  ['V-526', 'Two objects', (text) => text + text],
  ['V-527', 'Text after the end', (text) => `${text} trailing`],
  ['V-528', 'An empty body', () => ''],
  ['V-529', 'Only white space', () => ' \n'],
  ['V-530', 'A list', (text) => `[${text}]`],
  ['V-531', 'A form', () => 'event_type=TRANSACTION.SUCCESS'],
  ['V-532', 'Cut off halfway', (text) => text.slice(0, text.length / 2)],
  ['V-533', 'null', () => 'null'],
  ['V-534', 'A number', () => '1'],
  [
    'V-535',
    'The XML of API v2',
    () => '<xml><return_code>SUCCESS</return_code><result_code>SUCCESS</result_code></xml>',
  ],
]

/** Adds a member so long that the message has about this many bytes. */
const padded = (bytes: number) => (text: string) => text.replace('{', `{"pad":"${'A'.repeat(bytes)}",`)

const BOMBS: readonly [id: string, title: string, body: (text: string) => string][] = [
  ['V-505', 'A message of 1 MB', padded(1 << 20)],
  ['V-515', 'A message of 16 MB', padded(16 << 20)],
  [
    'V-506',
    '100,000 members',
    (text) => text.replace('{', `{${Array.from({ length: 100_000 }, (_, n) => `"a${n}":1`).join(',')},`),
  ],
  [
    'V-517',
    'Lists nested 50,000 deep',
    (text) => text.replace('{', `{"pad":${'['.repeat(50_000)}${']'.repeat(50_000)},`),
  ],
]

export const HOSTILE_V3: readonly Case[] = [
  ...BYTES.map(([id, title, body]) =>
    row(
      id,
      ['V-511', 'V-520', 'V-522'].includes(id) ? 'security' : 'hygiene',
      title,
      'The backend refuses anything that is not a notification at once, and reveals nothing about the program.',
      BODIES,
      survived(unsigned(body)),
    ),
  ),
  ...BOMBS.map(([id, title, body]) =>
    row(
      id,
      'availability',
      title,
      'The backend refuses it within 5 s and serves the next order.',
      LIMITS,
      survived(unsigned(body)),
    ),
  ),
  ...(['__proto__', 'constructor', 'toString'] as const).map((name, n) =>
    row(
      `V-54${n}`,
      'security',
      `Validly signed: a fact called ${name}`,
      'A member name is plain text and must not reach an object of the program.',
      'Do not merge parsed JSON into objects of the program.',
      accepted(
        (bench, no) =>
          sealedShot(bench, no, JSON.stringify(plainOf(bench, no)).replace('{', `{"${name}":{"paid":true},`)),
        { lax: 'WeChat never uses this name' },
      ),
    ),
  ),
  row(
    'V-544',
    'security',
    'SQL in attach',
    'Values are bound to a statement, not pasted into it.',
    'Use bound parameters.',
    accepted(factsShot((facts) => ({ ...facts, attach: "'; DROP TABLE orders; --" }))),
  ),
  row(
    'V-545',
    'security',
    'Line feeds in attach',
    'A value with line feeds must not add a line to the log, or a header.',
    'Escape line feeds before you log. Never copy a value into a header.',
    accepted(
      factsShot((facts) => ({ ...facts, attach: 'a\r\nX-Injected: 1' })),
      { lax: 'line feeds in attach are unusual' },
    ),
  ),
  row(
    'V-546',
    'hygiene',
    'Validly signed: a byte order mark',
    'The backend may accept it or refuse it.',
    'Nothing to do.',
    accepted(
      textShot((text) => `\uFEFF${text}`),
      { lax: 'WeChat sends none' },
    ),
  ),
  row(
    'V-547',
    'hygiene',
    'Validly signed: id is a number',
    'The id is text. The backend may accept or refuse another type.',
    'Do not depend on the type of a field you do not need.',
    accepted(
      envelopeShot((envelope) => ({ ...envelope, id: 42 })),
      { lax: 'WeChat sends text' },
    ),
  ),
]
