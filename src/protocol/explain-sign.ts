/** Shows what was signed, for a person who wants to know why WeChat rejects a signature. Keys are never shown. */

const MAX_VALUE = 120

/** The text that API v2 signs, as WeChat's own checking tool shows it: fields in order, and the key masked. */
export function signedV2(fields: ReadonlyMap<string, string>): string {
  const signed = [...fields].filter(([name, value]) => name !== 'sign' && value !== '')
  signed.sort(([one], [other]) => (one < other ? -1 : 1))
  return `${signed.map(([name, value]) => `${name}=${short(value)}`).join('&')}&key=***`
}

const LINES = ['method', 'URL', 'timestamp', 'nonce', 'body'] as const

/**
 * Which of the five signed lines of API v3 WeChat has read differently. It answers a wrong signature with the text that it verified (`sign_information`),
 * whose body it cuts after some characters.
 *
 * @returns a sentence, without the body; `undefined` if WeChat does not say what it has verified
 */
export function explainSignV3(
  sent: { method: string; target: string; authorization: string; body: string },
  detail: unknown,
): string | undefined {
  const info = (detail as { sign_information?: Record<string, unknown> } | null | undefined)?.sign_information
  const { truncated_sign_message: read, sign_message_length: length } = info ?? {}
  if (typeof read !== 'string') return undefined
  const within = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(sent.authorization)?.[1]
  const ours = [sent.method, sent.target, within('timestamp'), within('nonce_str')]
  const theirs = read.split('\n')
  const at = ours.findIndex((line, n) => line !== theirs[n])
  if (at >= 0) {
    return `WeChat has read another ${LINES[at]}: ${short(theirs[at] ?? '')}, and signed was ${short(ours[at] ?? '')}`
  }
  const bytes = Buffer.byteLength(`${[...ours, sent.body].join('\n')}\n`)
  const isSameBody = sent.body.startsWith(theirs.slice(4).join('\n').trimEnd())
  if (!isSameBody || (length !== undefined && length !== bytes)) {
    return `WeChat has read another body: ${String(length)} bytes in all, and signed were ${bytes}. Something between WeChat and this server changes it`
  }
  return 'WeChat has read what was signed: the private key does not belong to the certificate of serialNo'
}

function short(value: string): string {
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value
}
