const MASK = '<appSecret>'

/** The name as it may be spelled: any letter may be an escape sequence. */
const nameWith = (escape: string) =>
  Array.from('secret', (letter) => `(?:${letter}|${escape}${letter.charCodeAt(0).toString(16)})`).join('')
const IN_QUERY = new RegExp(`((?:^|[?&])${nameWith('%')}=)[^&#]*`, 'g')
const IN_JSON = new RegExp(`("${nameWith('\\\\u00')}"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'g')

/** A shorter value is probably a word a test uses, which may occur anywhere. */
const SHORTEST_SECRET = 8

/**
 * The text of a request as it is shown and stored. AppSecrets might belong to a real app, even those that are wrong here,
 * so they are masked; `known` ones are masked wherever they occur. Values that the mock draws (session keys, tokens,
 * codes) are not secret.
 */
export function masked(text: string, known: readonly string[] = []): string {
  const named = text.replace(IN_QUERY, `$1${MASK}`).replace(IN_JSON, `$1"${MASK}"`)
  return known
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .reduce((text, secret) => text.replaceAll(secret, MASK), named)
}
