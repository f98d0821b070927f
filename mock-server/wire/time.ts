const GMT8_MS = 8 * 3_600_000

/** `yyyyMMddHHmmss` in GMT+8, the form of time_start, time_expire and time_end. */
export function wechatTime(date: Date): string {
  return new Date(date.getTime() + GMT8_MS).toISOString().replace(/[-:T]/g, '').slice(0, 14)
}

/** `yyyy-MM-dd HH:mm:ss` in GMT+8, the form of refund times and of bills. */
export function wechatDateTime(date: Date): string {
  return new Date(date.getTime() + GMT8_MS).toISOString().replace('T', ' ').slice(0, 19)
}

/** The inverse of {@link wechatTime}; undefined if the text is not a real moment (month 13, 30 February, 24:00). */
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
