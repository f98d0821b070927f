import fc from 'fast-check'

/** Generated messages of API v2, for the tests of everything that reads or writes them. */
export type Entries = [string, string][]

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,7}$/)
const awkward = fc.constantFrom(
  ']]>',
  ']]',
  '>',
  '\r',
  '\r\n',
  '\n',
  ' ',
  '<',
  '&',
  '&amp;',
  '&#13;',
  '<![CDATA[',
  '</a>',
  '0',
  '支付',
  '😀',
  '\u2028',
  '\u0085',
  '\ufffd',
)

// eslint-disable-next-line no-control-regex -- XML 1.0 §2.2: these characters may not appear at all
const NOT_XML = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/
const legal = fc.string({ unit: 'binary', maxLength: 4 }).filter((text) => !NOT_XML.test(text))
const value = fc.array(fc.oneof(awkward, legal), { maxLength: 6 }).map((parts) => parts.join(''))
/** The fields of a message, including awkward values. */
export const message: fc.Arbitrary<Entries> = fc.uniqueArray(fc.tuple(name, value), {
  selector: ([name]) => name,
  maxLength: 6,
})

/** A part of a value in one of XML's notations, and its meaning. */
interface Part {
  wire: string
  value: string
}
const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#xD;',
}
const asText = value.map((text): Part => ({ wire: text.replace(/[&<>"'\r]/g, (char) => escapes[char]!), value: text }))
const asCdata = value
  .map((text) => text.replaceAll('\r', '').replace(/\]+>/g, ''))
  .map((text): Part => ({ wire: `<![CDATA[${text}]]>`, value: text }))
const asReferences = fc.tuple(value, fc.boolean()).map(([text, hex]): Part => ({
  wire: Array.from(text, (char) =>
    hex ? `&#x${char.codePointAt(0)!.toString(16)};` : `&#${char.codePointAt(0)};`,
  ).join(''),
  value: text,
}))
const asLineEnd = fc.constantFrom<Part>({ wire: '\r\n', value: '\n' })
const parts = fc.array(fc.oneof(asText, asCdata, asReferences, asLineEnd), { maxLength: 4 })

const space = fc.constantFrom('', '', '\n', '  ', '\r\n', '\t')
const declaration = fc.constantFrom(
  '',
  '',
  '<?xml version="1.0"?>',
  '<?xml version="1.0" encoding="UTF-8" ?>\n',
  "<?xml  version = '1.0'\tencoding =\n'utf-8' standalone='yes'?>",
)
/** The space before the end of an element's two tags, usually none. */
const tagSpaces = fc.oneof({ weight: 2, arbitrary: fc.constant(['', ''] as const) }, fc.tuple(space, space))
/** `short` writes an element without a value as one tag. */
const element = fc.record({ name, parts, after: space, tagSpaces, short: fc.boolean() }).map((made) => {
  const { name, parts, after, short } = made
  const [opening, closing] = made.tagSpaces
  const wire = parts.map((part) => part.wire).join('')
  return {
    name,
    value: parts.map((part) => part.value).join(''),
    wire: (short && wire === '' ? `<${name}${opening}/>` : `<${name}${opening}>${wire}</${name}${closing}>`) + after,
  }
})
const elements = fc.uniqueArray(element, { selector: ({ name }) => name, maxLength: 6 })
/** A message in any notation that XML allows, and its meaning. */
export const document: fc.Arbitrary<{ text: string; entries: Entries }> = fc
  .tuple(declaration, space, elements, space, tagSpaces)
  .map(([declaration, first, elements, last, [opening, closing]]) => ({
    text: `${declaration}<xml${opening}>${first}${elements.map(({ wire }) => wire).join('')}</xml${closing}>${last}`,
    entries: elements.map(({ name, value }): [string, string] => [name, value]),
  }))

const scrap = fc.constantFrom(
  '',
  '<',
  '>',
  '/',
  '&',
  ';',
  ']]>',
  '<![CDATA[',
  '<a>',
  '</a>',
  '<b/>',
  '<b />',
  '</a >',
  ' >',
  '<!--',
  '-->',
  '<?xml ?>',
  '<!DOCTYPE x>',
  '</xml>',
  '<xml>',
  ' ',
  '\r',
  '\0',
  '"',
  '&#65;',
  '&lt;',
  'x',
)
const damage = fc.record({ at: fc.nat(), cut: fc.nat({ max: 6 }), scrap })

/** A document with pieces removed and inserted; some are still valid. */
export const damagedDocument: fc.Arbitrary<string> = fc
  .tuple(document, fc.array(damage, { minLength: 1, maxLength: 3 }))
  .map(([{ text }, damages]) => {
    for (const { at, cut, scrap } of damages) {
      const from = at % (text.length + 1)
      text = (text.slice(0, from) + scrap + text.slice(from + cut)).toWellFormed()
    }
    return text
  })
