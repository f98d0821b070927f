/** Whether `value` is an amount: an integer number of fen, at least 1, exactly representable. */
export function isFen(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

/** Reads an amount in fen as the wire writes it: decimal digits and nothing else. `undefined` for anything else, `1.0` and `01` among it. */
export function parseFen(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9][0-9]{0,15}$/.test(text)) return undefined
  const value = Number(text)
  return isFen(value) ? value : undefined
}
