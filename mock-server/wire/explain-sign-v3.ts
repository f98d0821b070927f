import type { KeyObject } from 'node:crypto'
import type { SignDifference, SignExplanation } from './explain-sign.ts'
import { isSignedBy, requestText, SCHEME, type SignedRequest } from './sign-v3.ts'

/** A key that the caller may have signed with: the first one is the right one. */
export interface CandidateKey {
  readonly told: string
  readonly publicKey: KeyObject
}

/** One common signing mistake. */
interface Mistake {
  readonly told: string
  readonly text: Buffer
}

/** The body as a serializer would write it; undefined if it is not JSON. */
function serialized(body: string, indent: number): string | undefined {
  try {
    return JSON.stringify(JSON.parse(body), undefined, indent)
  } catch {
    return undefined
  }
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}

/** The common mistakes; the first entry is the correct way. */
function mistakes(request: SignedRequest): Mistake[] {
  const { url, timestamp } = request
  const body = Buffer.from(request.body).toString()
  const right = requestText(request)
  const text = String(right)
  const as = (told: string, changes: Partial<SignedRequest>): Mistake => ({
    told,
    text: requestText({ ...request, ...changes }),
  })
  return [
    { told: '', text: right },
    as('the query was not signed', { url: url.split('?')[0]! }),
    as('the URL was signed decoded instead of as on the wire', { url: decoded(url) }),
    as('the body was not signed', { body: '' }),
    as('the body was signed without white space, but sent with it', { body: serialized(body, 0) ?? '' }),
    as('the body was signed with white space, but sent without it', { body: serialized(body, 2) ?? '' }),
    as('the method was not signed in upper case', { method: request.method.toLowerCase() }),
    as('the timestamp was signed in milliseconds', { timestamp: `${timestamp}000` }),
    { told: 'the last line has no line feed', text: right.subarray(0, -1) },
    {
      told: 'the two characters \\n were signed instead of line feeds',
      text: Buffer.from(text.replaceAll('\n', '\\n')),
    },
    { told: 'the lines end with CR LF instead of LF', text: Buffer.from(text.replaceAll('\n', '\r\n')) },
  ]
}

const LINES = ['method', 'url', 'timestamp', 'nonce', 'body'] as const

/** The body may have several lines: it is everything after the fourth line. */
function linesOf(text: string): string[] {
  const lines = text.split('\n')
  return [...lines.slice(0, 4), lines.slice(4).join('\n')]
}

function firstDifference(ours: string, theirs: string): SignDifference | undefined {
  const [mine, other] = [linesOf(ours), linesOf(theirs)]
  const at = LINES.findIndex((_name, n) => mine[n] !== other[n])
  return at < 0 ? undefined : { field: LINES[at]!, ours: mine[at], theirs: other[at] }
}

/** Explains why the signature of a request is wrong; `told` is the text that the caller claims to have signed. */
export function explainRequest(
  request: SignedRequest,
  received: string,
  keys: readonly CandidateKey[],
  told?: string,
): SignExplanation {
  const ours = String(requestText(request))
  const explanation = { received, type: SCHEME, ours } as const
  const withText = (theirs: string) => {
    const difference = firstDifference(ours, theirs)
    return { ...explanation, theirs, ...(difference && { difference }) }
  }
  if (told !== undefined) return withText(told)
  for (const { told, text } of mistakes(request)) {
    const key = keys.find(({ publicKey }) => isSignedBy(text, received, publicKey))
    if (!key) continue
    const found = [told, ...(key === keys[0] ? [] : [`it was signed with ${key.told}`])].filter((part) => part !== '')
    return { ...withText(String(text)), mistake: found.join('; ') }
  }
  return explanation
}
