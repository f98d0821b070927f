const BEIJING = 8 * 60 * 60 * 1000

/** A time as API v2 writes it: `yyyyMMddHHmmss` in Beijing time (GMT+8), without a zone. */
export function formatTime(date: Date): string {
  return new Date(date.getTime() + BEIJING).toISOString().slice(0, 19).replace(/[-T:]/g, '')
}

/** Reads `yyyyMMddHHmmss` or `yyyy-MM-dd HH:mm:ss` in Beijing time; `undefined` if it is neither, or not a real time. */
export function parseTime(text: string): Date | undefined {
  if (/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return parseTime(text.replace(/[- :]/g, ''))
  if (!/^\d{14}$/.test(text)) return undefined
  const digits = Number(text)
  /** The two digits that end at `place`, a power of ten. */
  const two = (place: number) => Math.floor(digits / place) % 100
  const [year, month, day] = [Math.floor(digits / 1e10), two(1e8), two(1e6)]
  const [hour, minute, second] = [two(1e4), two(1e2), two(1)]
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  // Date reads 31 April as 1 May, 24:00 as the next day, and the year 14 as 1914.
  const isReal =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    minute < 60 &&
    second < 60
  return isReal ? new Date(date.getTime() - BEIJING) : undefined
}

/** A time as API v3 writes it: RFC 3339 in Beijing time, to the second. */
export function formatRfc3339(date: Date): string {
  return `${new Date(date.getTime() + BEIJING).toISOString().slice(0, 19)}+08:00`
}

/** Reads a time of API v3, in any zone; `undefined` if it is not a real time. */
export function parseRfc3339(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/.test(text)) return undefined
  return parseTime(text.slice(0, 19).replace(/[-T:]/g, '')) === undefined ? undefined : new Date(text)
}

/** UNIX seconds as ten digits, as `wx.requestPayment` takes them. */
export function formatSeconds(date: Date): string {
  return String(Math.floor(date.getTime() / 1000))
}

/** Reads a `Date` header in the one form that servers may send, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7); `undefined` for anything else. */
export function parseHttpDate(header: unknown): Date | undefined {
  if (typeof header !== 'string') return undefined
  const date = new Date(header)
  return !Number.isNaN(date.getTime()) && date.toUTCString() === header ? date : undefined
}
