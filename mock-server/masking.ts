const MASK = '<appSecret>'

/**
 * The text of a request as it is shown and kept: AppSecrets may be those of a real app, also where they are wrong here. What
 * the mock draws itself (session keys, tokens, codes) belongs to nobody.
 */
export const masked = (text: string): string => text
  .replace(/(^|[?&])secret=[^&#]*/g, `$1secret=${MASK}`)
  .replace(/("secret"\s*:\s*)"(?:[^"\\]|\\.)*"/g, `$1"${MASK}"`)
