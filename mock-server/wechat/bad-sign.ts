const complement = (sign: string) =>
  sign.replace(/[0-9A-F]/g, (digit) => (15 - parseInt(digit, 16)).toString(16).toUpperCase())

/** The message with a signature of the right form and the wrong value; one that has none gets one. */
export function withBadSign(xml: string): string {
  // Every digit changes, so the value is wrong whatever it was.
  const distorted = xml.replace(/(?<=<sign><!\[CDATA\[)[0-9A-F]+/, complement)
  return distorted === xml ? xml.replace('</xml>', `<sign><![CDATA[${'0'.repeat(32)}]]></sign></xml>`) : distorted
}
