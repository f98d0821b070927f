const MASK = '<appSecret>'

/** The name as it may be written: any of its letters as an escape. */
const nameWith = (escape: string) =>
  Array.from('secret', (letter) => `(?:${letter}|${escape}${letter.charCodeAt(0).toString(16)})`).join('')
const IN_QUERY = new RegExp(`((?:^|[?&])${nameWith('%')}=)[^&#]*`, 'g')
const IN_JSON = new RegExp(`("${nameWith('\\\\u00')}"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'g')

/** A shorter one is a word of a test, which may stand anywhere. */
const SHORTEST_SECRET = 8

/**
 * The text of a request as it is shown and kept: AppSecrets may be those of a real app, also where they are wrong here; the
 * ones that are `known` go wherever they stand. What the mock draws itself (session keys, tokens, codes) belongs to nobody.
 */
export function masked(text: string, known: readonly string[] = []): string {
  const named = text.replace(IN_QUERY, `$1${MASK}`).replace(IN_JSON, `$1"${MASK}"`)
  return known
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .reduce((text, secret) => text.replaceAll(secret, MASK), named)
}
