import { createHash, createHmac } from 'node:crypto'
import { badInput } from '../base/checks.ts'
import { encodeGbk } from './gbk.ts'
import { type SignType, stringToSign } from './sign-v2.ts'
import { SCHEME } from './sign-v3.ts'
import { type Fields, readXml } from './xml.ts'

/** Why a signature is not the expected one. The API key appears as `<apiKey>` in every text. */
export interface SignExplanation {
  /** The signature of the request; '' if there was none. */
  readonly received: string
  readonly type: SignType | typeof SCHEME
  /** The text the mock signed. */
  readonly ours: string
  /** The text the caller seems to have signed, if it could be determined. */
  readonly theirs?: string
  /** The caller's likely mistake, if it is a common one. */
  readonly mistake?: string
  /** The first difference between the two texts. */
  readonly difference?: SignDifference
}

/** The first place where two texts to sign differ. */
export interface SignDifference {
  /** The name of the field, or `key`; in API v3 `method`, `url`, `timestamp`, `nonce` or `body`. */
  readonly field: string
  /** `name=value`; undefined if that text has ended. */
  readonly ours: string | undefined
  readonly theirs: string | undefined
}

export interface SignSecrets {
  readonly apiKey: string
  readonly appSecret: string
}

type Pairs = readonly (readonly [name: string, value: string])[]

/** One common signing mistake. */
interface Mistake {
  readonly told: string
  /** The text to sign, without the key. */
  readonly text: string
  /** What is appended to the text, and how that is shown. */
  readonly tail: string
  readonly shownTail: string
  readonly encode?: (text: string) => Buffer
}

const join = (pairs: Pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&')
const escapeXml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const latin1 = (text: string) => Buffer.from(text.replace(/[^\0-\xff]/g, '?'), 'latin1')

/** The common mistakes; the first entry is the correct way. */
function mistakes(fields: Fields, { apiKey, appSecret }: SignSecrets): Mistake[] {
  const signed = [...fields].filter(([name]) => name !== 'sign')
  const filled = signed.filter(([, value]) => value !== '')
  const right = { text: stringToSign(fields), tail: `&key=${apiKey}`, shownTail: '&key=<apiKey>' }
  const valuesBy = (change: (value: string) => string) =>
    stringToSign(filled.map(([name, value]) => [name, change(value)]))
  return [
    { ...right, told: '' },
    { ...right, told: 'empty values were signed too', text: join([...signed].sort(([a], [b]) => (a < b ? -1 : 1))) },
    {
      ...right,
      told: 'the fields were signed in the order of the message instead of sorted by name',
      text: join(filled),
    },
    ...filled.map(([name]) => ({
      ...right,
      told: `${name} was not signed, but sent`,
      text: stringToSign(filled.filter(([other]) => other !== name)),
    })),
    { ...right, told: 'the values were URL-encoded before they were signed', text: valuesBy(encodeURIComponent) },
    { ...right, told: 'the values were escaped for XML before they were signed', text: valuesBy(escapeXml) },
    { ...right, told: 'the values were trimmed before they were signed', text: valuesBy((value) => value.trim()) },
    { ...right, told: 'the API key was not appended', tail: '', shownTail: '' },
    {
      ...right,
      told: 'the AppSecret was used instead of the API key',
      tail: `&key=${appSecret}`,
      shownTail: '&key=<appSecret>',
    },
    { ...right, told: 'the text was signed in GBK instead of UTF-8', encode: encodeGbk },
    { ...right, told: 'the text was signed in ISO-8859-1 instead of UTF-8', encode: latin1 },
    {
      ...right,
      told: 'each character was truncated to one byte (latin1, binary) instead of encoded in UTF-8',
      encode: (text) => Buffer.from(text, 'latin1'),
    },
  ]
}

function digest(bytes: Buffer, key: string, type: SignType): string {
  const hash = type === 'MD5' ? createHash('md5') : createHmac('sha256', key)
  return hash.update(bytes).digest('hex').toUpperCase()
}

/** The fields of a text to sign; an ampersand inside a value is not a separator. */
const piecesOf = (text: string) => text.split(/&(?=[A-Za-z_]\w*=)/)
const nameOf = (piece: string) => piece.split('=')[0]!
/** The key comes after every field, and the end after the key. */
const rankOf = (piece: string | undefined) =>
  piece === undefined ? '\uffff' : piece.startsWith('key=') ? '\ufffe' : nameOf(piece)

/** Where two texts to sign diverge. */
function firstDifference(ours: string, theirs: string): SignDifference | undefined {
  const [mine, other] = [piecesOf(ours), piecesOf(theirs)]
  const at = Array.from({ length: Math.max(mine.length, other.length) }, (_, n) => n).find((n) => mine[n] !== other[n])
  if (at === undefined) return undefined
  const [here, there] = [rankOf(mine[at]), rankOf(other[at])]
  // Both are sorted, so the smaller name is missing from the other text.
  const [piece, otherPiece] = [here <= there ? mine[at] : undefined, there <= here ? other[at] : undefined]
  return { field: nameOf((piece ?? otherPiece)!), ours: piece, theirs: otherPiece }
}

/** Explains why a request's `sign` is wrong; `told` is the text that the caller claims to have signed. */
export function explainSign(fields: Fields, type: SignType, secrets: SignSecrets, told?: string): SignExplanation {
  const received = fields.get('sign') ?? ''
  const ours = `${stringToSign(fields)}&key=<apiKey>`
  const explanation = { received, type, ours }
  if (told !== undefined) {
    const theirs = told.replaceAll(secrets.apiKey, '<apiKey>').replaceAll(secrets.appSecret, '<appSecret>')
    const difference = firstDifference(ours, theirs)
    return { ...explanation, theirs, ...(difference && { difference }) }
  }
  for (const { told, text, tail, shownTail, encode = Buffer.from } of mistakes(fields, secrets)) {
    const key = shownTail === '&key=<appSecret>' ? secrets.appSecret : secrets.apiKey
    for (const algorithm of ['MD5', 'HMAC-SHA256'] as const) {
      const made = digest(encode(text + tail), key, algorithm)
      if (made !== received.toUpperCase()) continue
      const found = [
        told,
        ...(algorithm === type ? [] : [`it is ${algorithm} instead of ${type}`]),
        ...(made === received ? [] : ['it is not in upper case']),
      ].filter((part) => part !== '')
      const difference = firstDifference(ours, text + shownTail)
      return { ...explanation, theirs: text + shownTail, mistake: found.join('; '), ...(difference && { difference }) }
    }
  }
  return explanation
}

/** {@link explainSign} of a whole message. */
export function explainMessage(
  xml: string,
  secretsOf: (message: Fields) => SignSecrets,
  told?: string,
): SignExplanation {
  let fields: Fields
  try {
    fields = readXml(xml)
  } catch (error) {
    throw badInput('xml', 'xml', (error as Error).message)
  }
  return explainSign(fields, fields.get('sign_type') === 'HMAC-SHA256' ? 'HMAC-SHA256' : 'MD5', secretsOf(fields), told)
}

/** The explanation in one line, for the log. */
export function toldSign({ ours, mistake, difference, type }: SignExplanation): string {
  const where = difference
    ? `; first difference at ${difference.field}: ${difference.ours ?? 'nothing'} here, ${difference.theirs ?? 'nothing'} there`
    : ''
  const form = type === SCHEME ? 'signature is not SHA256 with RSA' : `sign is not the upper-case ${type}`
  const text = type === SCHEME ? JSON.stringify(ours) : ours
  return `${form} of ${text}${mistake === undefined ? '; was another key used, or were the values changed after signing?' : `: ${mistake}${where}`}`
}
