import { Malformed, type Bugs } from './errors.ts'

// The toy's own XML reader: strict, unless a planted bug makes it careless.

const TOKEN =
  /<(\/?)([A-Za-z_][\w.:-]*)[^<>]*?(\/?)>|<!\[CDATA\[([^]*?)\]\]>|<!--[^]*?-->|<\?[^]*?\?>|([^<&]+)|&(#x?[\da-fA-F]+|\w+);/y
const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function reference(name: string): string {
  if (!name.startsWith('#')) {
    if (NAMED[name] === undefined) throw new Error(`unknown entity ${name}`)
    return NAMED[name]
  }
  const code = name.startsWith('#x') ? parseInt(name.slice(2), 16) : Number(name.slice(1))
  if (code >= 0xd800 && code <= 0xdfff) throw new Error('half of a surrogate pair')
  return String.fromCodePoint(code)
}

/** Everything that regular expressions find, wherever it stands. */
function readCarelessly(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [, name, cdata, bare] of text.matchAll(/<(\w+)>(?:<!\[CDATA\[([^]*?)\]\]>|([^<]*))<\//g)) {
    fields.set(name!, cdata ?? bare!)
  }
  return fields
}

export interface Read {
  readonly fields: Map<string, string>
  /** The first piece of each value, for the bug that compares only that. */
  readonly heads: Map<string, string>
}

export function readXml(text: string, root: string, has: Bugs): Read {
  if (has('regex-parser')) return { fields: readCarelessly(text), heads: new Map() }
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw new Malformed('document type')
  if (has('no-declaration') && text.startsWith('<?xml')) throw new Malformed('declaration')
  if (has('no-space') && />\s+</.test(text)) throw new Malformed('space')
  if (has('no-comment') && text.includes('<!--')) throw new Malformed('comment')
  if (has('cdata-only') && /<(\w+)>[^<]+<\/\1>/.test(text)) throw new Malformed('no CDATA')
  if (has('text-only') && text.includes('<![CDATA[')) throw new Malformed('CDATA')
  if ([...text].some((character) => character < ' ' && !'\t\n\r'.includes(character))) {
    throw new Malformed('control character')
  }
  const fields = new Map<string, string>()
  const heads = new Map<string, string>()
  const open: string[] = []
  let seenRoot = 0
  let value: string[] = []
  const body = text.replace(/^\uFEFF/, '').trim()
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < body.length) {
    const at = TOKEN.lastIndex
    const token = TOKEN.exec(body)
    if (!token) throw new Malformed(`at ${at}`)
    const [, closing, name, empty, cdata, bare, entity] = token
    if (name !== undefined && !closing) {
      if (open.length === 0 && (name !== root || ++seenRoot > 1) && !has('any-root')) throw new Malformed('root')
      if (open.length === 2 && !has('nested-ok')) throw new Malformed('nested')
      if (empty) {
        if (open.length === 1) fields.set(name, '')
        continue
      }
      if (open.length < 2) value = []
      open.push(name)
      if (has('deep-hangs') && open.length > 1000) throw new Error('hang')
    } else if (name !== undefined) {
      if (open.pop() !== name) throw new Malformed('end tag')
      if (open.length === 1) {
        if (fields.has(name) && !has('dup-last') && !has('dup-first') && !has('dup-mix')) {
          throw new Malformed('repeated element')
        }
        if (!(fields.has(name) && (has('dup-first') || has('dup-mix')))) {
          fields.set(name, has('first-cdata') ? (value[0] ?? '') : value.join(''))
        }
        heads.set(name, has('dup-mix') ? value.join('') : (value[0] ?? ''))
      }
    } else {
      const piece =
        cdata ?? bare ?? (entity === undefined ? undefined : has('undecoded') ? `&${entity};` : reference(entity))
      if (open.length >= 2 && piece !== undefined) value.push(piece)
      else if (
        piece !== undefined &&
        (cdata !== undefined || piece.trim() !== '') &&
        !(open.length === 0 && has('trailing-ok'))
      ) {
        throw new Malformed('stray text')
      }
    }
  }
  if (open.length > 0 || (seenRoot === 0 && !has('any-root'))) throw new Malformed('not closed')
  return { fields, heads }
}
