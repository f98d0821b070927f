/**
 * Remembers strings by 53 bits of each, in 8 bytes, whatever their length: a million numbers take 8 MB. After a million strings were added, a string
 * that was not added is mistaken for one of them once in ten thousand million times.
 */
export class Seen {
  readonly #chunks: Float64Array[] = []
  #size = 0
  #sorted = 0

  add(text: string): void {
    if (this.#size % CHUNK === 0) this.#chunks.push(new Float64Array(CHUNK).fill(Infinity))
    this.#chunks.at(-1)![this.#size % CHUNK] = hash(text)
    this.#size++
  }

  has(text: string): boolean {
    if (this.#sorted !== this.#size) {
      // Nothing is added after the first look-up; if it were, it would be sorted in.
      for (const chunk of this.#chunks) chunk.sort()
      this.#sorted = this.#size
    }
    const wanted = hash(text)
    return this.#chunks.some((chunk) => holds(chunk, wanted))
  }

  get size(): number {
    return this.#size
  }
}

const CHUNK = 1 << 16

function holds(sorted: Float64Array, wanted: number): boolean {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >> 1
    if (sorted[middle]! < wanted) from = middle + 1
    else to = middle
  }
  return sorted[from] === wanted
}

/** Two multiplicative hashes of 32 bits each, mixed. Only our own and WeChat's numbers are hashed, so nobody can profit from a collision. */
function hash(text: string): number {
  let [one, two] = [0xdeadbeef, 0x41c6ce57]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    one = Math.imul(one ^ code, 2654435761)
    two = Math.imul(two ^ code, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909)
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return 4294967296 * (2097151 & two) + (one >>> 0)
}
