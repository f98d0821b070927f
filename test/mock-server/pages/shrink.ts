import { deflateSync, inflateSync } from 'node:zlib'

// A screenshot with a palette of 256 colours has a third of the bytes, and looks the same: pages have few colours, and the shades of their letters.

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  let crc = 0xffffffff
  for (const byte of body) crc = CRC[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE((crc ^ 0xffffffff) >>> 0)
  return Buffer.concat([length, body, sum])
}

const paeth = (a: number, b: number, c: number) => {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)]
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
}

interface Image {
  readonly width: number
  readonly height: number
  /** 0xRRGGBB of each pixel. */
  readonly pixels: Uint32Array
}

/** Reads a PNG of 8 bits per channel, RGB or RGBA, as Chromium writes it. */
function read(png: Buffer): Image {
  const [width, height, channels] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25] === 6 ? 4 : 3]
  const data: Buffer[] = []
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') {
      data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
    }
  }
  const raw = inflateSync(Buffer.concat(data))
  const stride = width * channels
  const pixels = new Uint32Array(width * height)
  let before = Buffer.alloc(stride)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]!
    const line = raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1))
    for (let x = 0; x < stride; x++) {
      const [a, b, c] = [line[x - channels] ?? 0, before[x]!, before[x - channels] ?? 0]
      line[x]! += [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter]!
    }
    for (let x = 0; x < width; x++) pixels[y * width + x] = line.readUIntBE(x * channels, 3)
    before = line
  }
  return { width, height, pixels }
}

const distance = (a: number, b: number) =>
  ((a >> 16) - (b >> 16)) ** 2 + (((a >> 8) & 255) - ((b >> 8) & 255)) ** 2 + ((a & 255) - (b & 255)) ** 2

/** The most frequent colours, none of which looks like another. */
function paletteOf(pixels: Uint32Array): number[] {
  const counts = new Map<number, number>()
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1)
  const byCount = [...counts].sort((a, b) => b[1] - a[1]).map(([colour]) => colour)
  const palette: number[] = []
  for (const colour of byCount) {
    if (palette.length === 256) break
    if (palette.every((other) => distance(other, colour) > 40)) palette.push(colour)
  }
  return palette
}

/** The same picture with a palette. */
export function shrink(png: Buffer): Buffer {
  const { width, height, pixels } = read(png)
  const palette = paletteOf(pixels)
  const index = new Map<number, number>()
  const nearest = (colour: number) => {
    let best = 0
    for (const n of palette.keys()) if (distance(palette[n]!, colour) < distance(palette[best]!, colour)) best = n
    index.set(colour, best)
    return best
  }
  const raw = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = pixels[y * width + x]!
      raw[y * (width + 1) + 1 + x] = index.get(pixel) ?? nearest(pixel)
    }
  }
  const header = Buffer.from(png.subarray(16, 29))
  header[9] = 3
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]))),
    chunk('IDAT', deflateSync(raw, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
