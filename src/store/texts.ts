/** Whether every database can store the text unchanged: PostgreSQL has no NUL, and none has half characters. */
export function isKept(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** The text as every database can store it: one bad character must not prevent the write. */
export function kept(text: string): string {
  return isKept(text) ? text : text.replaceAll('\0', '\ufffd').toWellFormed()
}
