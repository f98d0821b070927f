import { skip } from '../plays.ts'

/** Another number that a careless comparison takes for the order's; undefined if there is none. */
export type OtherNumber = (outTradeNo: string) => string | undefined

export const inOtherLetters: OtherNumber = (no) => [no.toUpperCase(), no.toLowerCase()].find((other) => other !== no)

/** @throws Ruling SKIP if there is none */
export const otherNumber = (number: OtherNumber, outTradeNo: string): string =>
  number(outTradeNo) ?? skip('the order number has no letters')
