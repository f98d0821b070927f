/** Whether every database keeps the text as it is: PostgreSQL has no NUL, and none has halves of characters. */
export function isKept(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** The text as every database keeps it: something that cannot be kept must not keep the rest from being written. */
export function kept(text: string): string {
  return isKept(text) ? text : text.replaceAll('\0', '\ufffd').toWellFormed()
}
