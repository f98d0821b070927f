export interface Timer {
  readonly due: number
  /** Breaks ties between timers due at one instant. */
  readonly sequence: number
  /** Breaks remaining ties where several worlds share a clock; default 0. */
  readonly tie?: number
  /** What will happen, for humans. */
  readonly what: string
  readonly run: () => Promise<unknown>
}

/** Compares by the order in which they will run. */
export const inOrder = (a: Timer, b: Timer): number =>
  a.due - b.due || a.sequence - b.sequence || (a.tie ?? 0) - (b.tie ?? 0)

const before = (a: Timer, b: Timer) => inOrder(a, b) < 0

/** A binary heap of timers, earliest first. */
export class TimerHeap {
  #items: Timer[] = []
  /** Neither run nor cancelled: a cancelled timer stays in the heap until it is due. */
  #live = new Set<Timer>()

  push(timer: Timer): void {
    const items = this.#items
    this.#live.add(timer)
    let at = items.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(timer, items[parent]!)) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = timer
  }

  /** Removes and returns the earliest timer due at or before `limit`. */
  popDue(limit: number): Timer | undefined {
    for (;;) {
      const first = this.#items[0]
      if (!first || first.due > limit) return undefined
      this.#removeFirst()
      if (this.#live.delete(first)) return first
    }
  }

  cancel(timer: Timer): void {
    this.#live.delete(timer)
  }

  /** All live timers in the order in which they will run. */
  list(): Timer[] {
    return this.#items.filter((timer) => this.#live.has(timer)).sort(inOrder)
  }

  #removeFirst(): void {
    const items = this.#items
    const last = items.pop()!
    if (items.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++
      if (!before(items[child]!, last)) break
      items[at] = items[child]!
      at = child
    }
    items[at] = last
  }
}
