let codes: Map<string, number> | undefined

/** Node decodes GBK but cannot encode it; the reverse table is built once, on first use. */
function table(): Map<string, number> {
  const decoder = new TextDecoder('gbk')
  const made = new Map<string, number>()
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      const letter = decoder.decode(Uint8Array.of(lead, trail))
      if (letter.length === 1) made.set(letter, (lead << 8) | trail)
    }
  }
  return made
}

/** The text in GBK; a character missing from GBK becomes a question mark. */
export function encodeGbk(text: string): Buffer {
  codes ??= table()
  const bytes: number[] = []
  for (const letter of text) {
    const code = letter < '\x80' ? letter.charCodeAt(0) : (codes.get(letter) ?? 0x3f)
    if (code > 0xff) bytes.push(code >> 8)
    bytes.push(code & 0xff)
  }
  return Buffer.from(bytes)
}
