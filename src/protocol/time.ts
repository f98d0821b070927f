const BEIJING = 8 * 60 * 60 * 1000

/** A moment as API v2 writes it: `yyyyMMddHHmmss` in Beijing time (GMT+8), no zone in the text. */
export function formatTime (date: Date): string {
  return new Date(date.getTime() + BEIJING).toISOString().slice(0, 19).replace(/[-T:]/g, '')
}

/** Reads `yyyyMMddHHmmss` or `yyyy-MM-dd HH:mm:ss` in Beijing time; `undefined` when it is neither or no real moment. */
export function parseTime (text: string): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text) ?? /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)$/.exec(text)
  if (parts === null) return undefined
  const date = new Date(Date.parse(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`) - BEIJING)
  // Date.parse accepts 31 April as 1 May; the round trip does not.
  return Number.isNaN(date.getTime()) || formatTime(date) !== parts.slice(1).join('') ? undefined : date
}

/** UNIX seconds as ten digits, as `wx.requestPayment` takes them. */
export function formatSeconds (date: Date): string {
  return String(Math.floor(date.getTime() / 1000))
}
