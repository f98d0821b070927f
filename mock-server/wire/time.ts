const GMT8_MS = 8 * 3_600_000

/** `yyyyMMddHHmmss` in GMT+8, the form of time_start, time_expire and time_end. */
export function wechatTime(date: Date): string {
  return new Date(date.getTime() + GMT8_MS).toISOString().replace(/[-:T]/g, '').slice(0, 14)
}

/** `yyyy-MM-dd HH:mm:ss` in GMT+8, the form of refund times and of bills. */
export function wechatDateTime(date: Date): string {
  return new Date(date.getTime() + GMT8_MS).toISOString().replace('T', ' ').slice(0, 19)
}

/** `yyyy-MM-ddTHH:mm:ss+08:00`, the form of API v3. */
export const rfc3339 = (date: Date) => `${wechatDateTime(date).replace(' ', 'T')}+08:00`

/** A real date and time in RFC 3339, with its offset; undefined otherwise. */
export function parseRfc3339(text: string): Date | undefined {
  const [, day] = /^\d{4}-\d\d-(\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? []
  const date = new Date(text)
  if (day === undefined || Number.isNaN(date.getTime())) return undefined
  // JavaScript reads 30 February as 1 March.
  return new Date(text.slice(0, 10)).getUTCDate() === Number(day) ? date : undefined
}

/** The inverse of {@link wechatTime}; undefined if the text is not a real date and time (month 13, 30 February, 24:00). */
export function parseWechatTime(text: string): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)
  if (!parts) return undefined
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second) - GMT8_MS)
  return wechatTime(date) === text ? date : undefined
}
