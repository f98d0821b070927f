import { formatTime } from '../../protocol/time.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** An order number of ours: when it was made, by WeChat's clock, to the second in GMT+8, and 14 random letters and digits. `draw(n)` returns a random whole number below `n`. */
export function newOutTradeNo(at: Date, draw: (below: number) => number): string {
  return formatTime(at) + Array.from({ length: 14 }, () => ALPHABET[draw(ALPHABET.length)]).join('')
}

/** Whether an order number has the form of ours. */
export function isOurs(outTradeNo: string): boolean {
  return /^20\d{12}[0-9A-Za-z]{14}$/.test(outTradeNo)
}

/** No order number made before this moment is greater, and none made from then on is smaller. */
export function firstNumberAt(at: Date): string {
  return formatTime(at)
}
