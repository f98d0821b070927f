/** Whether `value` is an amount: an integer number of fen, at least 1, exactly representable. */
export function isFen(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

/** Reads an amount in fen as on the wire: only decimal digits. `undefined` for anything else, including `1.0` and `01`. */
export function parseFen(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9][0-9]{0,15}$/.test(text)) return undefined
  const value = Number(text)
  return isFen(value) ? value : undefined
}

/**
 * Reads an amount that bills write in yuan, as a whole number of its last decimal place: of fen for the usual two places, of thousandths of a fen for
 * five. Works on the digits, as no float holds 0.29 exactly. `undefined` for anything else, and for more decimal places.
 */
export function parseYuan(text: string, digits = 2): number | undefined {
  const match = /^(-?\d{1,13})(?:\.(\d{1,8}))?$/.exec(text)
  if (match === null) return undefined
  const [, whole, part = ''] = match as unknown as [string, string, string?]
  if (/[1-9]/.test(part.slice(digits))) return undefined
  // "-0.00" is 0.
  const value = Number(whole + part.slice(0, digits).padEnd(digits, '0')) + 0
  return Number.isSafeInteger(value) ? value : undefined
}
