import { isUtf8 } from 'node:buffer'
import { WechatError } from '../errors.ts'

/** Far more than any genuine message. */
export const MAX_XML_BYTES = 64 * 1024

/** The fields of a flat message, in wire order. */
export type Fields = Map<string, string>

const ENTITIES = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])
/** XML 1.0 §2.8, of this version and encoding. */
const DECLARATION =
  /^<\?xml[ \n\t]+version[ \n\t]*=[ \n\t]*(["'])1\.0\1(?:[ \n\t]+encoding[ \n\t]*=[ \n\t]*(["'])[Uu][Tt][Ff]-8\2)?(?:[ \n\t]+standalone[ \n\t]*=[ \n\t]*(["'])(?:yes|no)\3)?[ \n\t]*\?>/
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y
/** A field as WeChat writes nearly all of them: one CDATA section, or text, with nothing to decode. Reading it at once takes a third of the time. */
const PLAIN_FIELD = /[ \n\t]*<([A-Za-z_][A-Za-z0-9_]*)>(?:<!\[CDATA\[([^\]]*)\]\]>|([^<&\]]*))<\/\1>/y
const REFERENCE = /&(?:([a-z]{2,4})|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));/y
const RESERVED = ['__proto__', 'constructor', 'prototype']
// eslint-disable-next-line no-control-regex -- XML 1.0 §2.2: these characters may not appear at all
const NOT_XML = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/

/**
 * Reads the flat XML of API v2: one root, one level, no attributes, no DOCTYPE, no comment, no duplicate, nothing before or after.
 * CDATA, the five entities and numeric references are decoded; values are never trimmed. Line ends are read as XML 1.0 §2.11 requires, and a tag may
 * have space before its end (§3.1).
 *
 * Refuses everything that only a lenient parser would accept, as attackers can exploit differences between parsers.
 *
 * @throws {WechatError} `WECHAT_XML_INVALID`
 */
export function readXml(input: Buffer | string, root = 'xml'): Fields {
  const size = Buffer.byteLength(input)
  if (size > MAX_XML_BYTES) throw invalid(`the message has ${size} bytes, more than ${MAX_XML_BYTES}`)
  if (!(typeof input === 'string' ? input.isWellFormed() : isUtf8(input))) throw invalid('the message is not UTF-8')
  let text = typeof input === 'string' ? input : input.toString('utf8')
  if (NOT_XML.test(text)) throw invalid('the message contains a character that XML does not allow')
  if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n')

  let at = tagEnd(text, skipSpace(text, DECLARATION.exec(text)?.[0].length ?? 0), `<${root}`)
  if (at < 0) throw invalid(`the message does not start with <${root}>`)
  const close = `</${root}`
  let end: number

  const fields: Fields = new Map()
  function put(name: string, value: string): void {
    const known = fields.size
    fields.set(name, value)
    if (fields.size === known) throw invalid(`the element ${shown(name)} appears twice`)
  }

  for (;;) {
    PLAIN_FIELD.lastIndex = at
    const plain = PLAIN_FIELD.exec(text)
    if (plain !== null) {
      put(plain[1]!, plain[2] ?? plain[3]!)
      at = PLAIN_FIELD.lastIndex
      continue
    }

    at = skipSpace(text, at)
    end = tagEnd(text, at, close)
    if (end >= 0) break
    if (text.charCodeAt(at) !== 60 /* < */) {
      throw invalid(at < text.length ? 'there is text between the elements' : 'the message ends too early')
    }
    NAME.lastIndex = at + 1
    const name = NAME.exec(text)?.[0]
    if (name === undefined) throw invalid('an element has no acceptable name')
    at = skipSpace(text, at + 1 + name.length)
    if (text.startsWith('/>', at)) {
      put(name, '')
      at += 2
      continue
    }
    if (text.charCodeAt(at) !== 62 /* > */) throw invalid(`the element ${shown(name)} has attributes or a broken tag`)
    at += 1

    let value = ''
    for (;;) {
      const next = text.indexOf('<', at)
      if (next < 0) throw invalid('the message ends too early')
      if (next > at) value += decode(text.slice(at, next))
      at = next
      if (!text.startsWith('<![CDATA[', at)) break
      const cdataEnd = text.indexOf(']]>', at + 9)
      if (cdataEnd < 0) throw invalid('the message ends too early')
      value += text.slice(at + 9, cdataEnd)
      at = cdataEnd + 3
    }
    at = tagEnd(text, at, `</${name}`)
    if (at < 0) throw invalid(`the element ${shown(name)} contains another element or is not closed`)
    put(name, value)
  }
  if (skipSpace(text, end) !== text.length) throw invalid(`something follows ${close}>`)
  for (const name of RESERVED) if (fields.has(name)) throw invalid('an element has no acceptable name')
  return fields
}

/**
 * Writes one flat message, values in CDATA so that nothing in them can be read as markup. A carriage return is written as a reference, as a
 * reader would turn a bare one into a line feed.
 *
 * @throws {WechatError} `WECHAT_XML_INVALID` for a character that XML text cannot contain
 */
export function writeXml(fields: Iterable<readonly [string, string]>): string {
  let text = '<xml>'
  for (const [name, value] of fields) {
    if (NOT_XML.test(value) || !value.isWellFormed()) {
      throw invalid(`the field ${name} contains a character that XML does not allow`)
    }
    text += `<${name}><![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>').replaceAll('\r', ']]>&#13;<![CDATA[')}]]></${name}>`
  }
  return text + '</xml>'
}

/** Stops at the first invalid entity. */
function decode(text: string): string {
  if (text.includes(']]>')) throw invalid('the message contains a stray ]]>')
  let decoded = ''
  let from = 0
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', from)) {
    REFERENCE.lastIndex = at
    const [whole, entity, decimal, hex] = REFERENCE.exec(text) ?? []
    const code = Number(decimal ?? `0x${hex}`)
    const character =
      ENTITIES.get(entity!) ??
      (code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : '')
    if (character === '' || NOT_XML.test(character)) throw invalid('the message contains an unknown entity')
    decoded += text.slice(from, at) + character
    from = at + whole!.length
  }
  return decoded + text.slice(from)
}

/** Where the tag that begins at `at` with `start` ends, or -1 if no such tag begins there. */
function tagEnd(text: string, at: number, start: string): number {
  if (!text.startsWith(start, at)) return -1
  const end = skipSpace(text, at + start.length)
  return text.charCodeAt(end) === 62 /* > */ ? end + 1 : -1
}

/** A non-empty field that is kept: copied, as a slice would keep the whole message in memory. */
export function kept(fields: Fields, name: string): string | undefined {
  const value = fields.get(name)
  return value ? Buffer.from(value).toString() : undefined
}

function skipSpace(text: string, from: number): number {
  let at = from
  for (;;) {
    const code = text.charCodeAt(at)
    if (code !== 32 && code !== 10 && code !== 9) return at
    at += 1
  }
}

/** A name chosen by the sender, short enough for a log line. */
function shown(name: string): string {
  return name.length > 32 ? `${name.slice(0, 32)}…` : name
}

function invalid(what: string): WechatError {
  return new WechatError('WECHAT_XML_INVALID', `Not a WeChat XML message: ${what}.`)
}
