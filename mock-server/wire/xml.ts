import { XMLParser, XMLValidator } from 'fast-xml-parser'

/** A V2 message: one flat level of named strings. */
export type Fields = ReadonlyMap<string, string>

/** Why a text is not a V2 message; `kind` lets the judge of replies name the mistake. */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly kind: 'not_xml' | 'stray' | 'root'

  constructor(kind: WireError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** The parser's representation: an object with one property, the element's name, `#text` or `#cdata`. */
interface Node {
  [name: string]: string | Node[]
}
const entry = (node: Node) => Object.entries(node)[0]!

const parser = new XMLParser({
  preserveOrder: true,
  cdataPropName: '#cdata',
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
})
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
])

/** Half of a surrogate pair is not a character (XML 1.0, 2.2). */
const isSurrogate = (code: number) => code >= 0xd800 && code <= 0xdfff

function decodeReference(reference: string, name: string): string {
  const [, hex, decimal] = /^#(?:x([0-9a-fA-F]+)|(\d+))$/.exec(name) ?? []
  const code = hex === undefined ? Number(decimal) : parseInt(hex, 16)
  const value = code > 0 && code <= 0x10ffff && !isSurrogate(code) ? String.fromCodePoint(code) : ENTITIES.get(name)
  if (value === undefined) throw new WireError('not_xml', `unknown reference ${reference}`)
  return value
}

const decodeReferences = (text: string) => text.replace(/&([^;]*);/g, decodeReference)

function textOf(name: string, nodes: Node[]): string {
  return nodes
    .map((node) => {
      const [kind, content] = entry(node)
      if (typeof content === 'string') return decodeReferences(content)
      if (kind === '#cdata') return content.map((part) => part['#text']).join('')
      throw new WireError('not_xml', `<${name}> contains another element; the message must be one flat level`)
    })
    .join('')
}

/**
 * Removes the parts from `open` to `close`. An unclosed part stays. Searching for its end again and again, as a regular
 * expression would, takes quadratic time.
 */
export function without(text: string, open: string, close: string): string {
  let kept = ''
  let at = 0
  for (;;) {
    const start = text.indexOf(open, at)
    const end = start < 0 ? -1 : text.indexOf(close, start + open.length)
    if (end < 0) return kept + text.slice(at)
    kept += text.slice(at, start)
    at = end + close.length
  }
}

export const withoutCdata = (text: string) => without(text, '<![CDATA[', ']]>')

function parse(text: string): Node[] {
  // A document type enables XXE and entity bombs (CVE-2018-13439): refused before any parser sees it.
  if (/<!(?:DOCTYPE|ENTITY)/i.test(withoutCdata(text))) {
    throw new WireError('not_xml', 'a document type declaration is not allowed')
  }
  const valid = XMLValidator.validate(text)
  if (valid !== true) throw new WireError('not_xml', valid.err.msg)
  try {
    return parser.parse(text) as Node[]
  } catch (error) {
    throw new WireError('not_xml', (error as Error).message)
  }
}

/** A message with the name of its root element. */
export interface Message {
  readonly root: string
  readonly fields: Fields
}

/**
 * Reads one element with child elements: flat, no document type, no duplicate names.
 * @throws WireError
 */
export function readMessage(text: string): Message {
  const fields = new Map<string, string>()
  let root = ''
  for (const node of parse(text)) {
    const [name, children] = entry(node) as [string, Node[]]
    root = name
    for (const child of children) {
      const [name, content] = entry(child)
      if (name === '#cdata' || (typeof content === 'string' && content.trim() !== '')) {
        throw new WireError('stray', 'there is text between the elements')
      }
      if (typeof content === 'string') continue
      if (fields.has(name)) throw new WireError('not_xml', `<${name}> occurs twice`)
      fields.set(name, textOf(name, content))
    }
  }
  return { root, fields }
}

/**
 * Reads `<xml>…</xml>`.
 * @throws WireError
 */
export function readXml(text: string): Fields {
  const { root, fields } = readMessage(text)
  if (root !== 'xml') throw new WireError('root', `the root element is <${root}>, not <xml>`)
  return fields
}

/**
 * A field to write. Strings go into CDATA; numbers stay bare, as WeChat does with most of them, and so does a string
 * marked as bare.
 */
export type WireField = readonly [name: string, value: string | number | { readonly bare: string }]

/** Writes the fields in the given order, with `separator` between elements. */
export function writeXml(fields: readonly WireField[], separator = '\n', root = 'xml'): string {
  const elements = fields.map(([name, value]) =>
    typeof value !== 'string'
      ? `<${name}>${typeof value === 'number' ? value : value.bare}</${name}>`
      : `<${name}><![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>').replaceAll('\r', ']]>&#13;<![CDATA[')}]]></${name}>`,
  )
  return `<${root}>${elements.join(separator)}</${root}>`
}
