import { hash } from 'node:crypto'

const DIGITS = '0123456789'
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const URL_SAFE = ALPHANUMERIC + '-_'

/**
 * Values drawn by name: the same seed and path always produce the same value, whatever was drawn before. Ids therefore do
 * not depend on the order in which concurrent requests arrive.
 */
export interface Random {
  hex(length: number, ...path: (string | number)[]): string
  digits(length: number, ...path: (string | number)[]): string
  alphanumeric(length: number, ...path: (string | number)[]): string
  urlSafe(length: number, ...path: (string | number)[]): string
  base64(bytes: number, ...path: (string | number)[]): string
  flip(...path: (string | number)[]): boolean
  /** From 0 to just below 1. */
  fraction(...path: (string | number)[]): number
}

export function createRandom(seed: string): Random {
  const bytes = (length: number, path: (string | number)[]) =>
    hash('sha256', JSON.stringify([seed, ...path]), 'buffer').subarray(0, length)
  // One digest yields 32 letters, the length of the protocol's longest id.
  const text =
    (alphabet: string) =>
    (length: number, ...path: (string | number)[]) =>
      Array.from(bytes(length, path), (byte) => alphabet[byte % alphabet.length]).join('')
  return {
    hex: (length, ...path) => bytes(length / 2, path).toString('hex'),
    digits: text(DIGITS),
    alphanumeric: text(ALPHANUMERIC),
    urlSafe: text(URL_SAFE),
    base64: (length, ...path) => bytes(length, path).toString('base64'),
    flip: (...path) => bytes(1, path)[0]! % 2 === 1,
    fraction: (...path) => Buffer.from(bytes(6, path)).readUIntBE(0, 6) / 2 ** 48,
  }
}
