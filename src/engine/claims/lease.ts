import type { FulfilContext, Log } from '../../hooks.ts'

const CLOSING = new Error('The app is closing.')

/** The time a claim gives its hooks, and the log they write to. */
export class Lease {
  readonly log: Log
  /** Whether another process may have claimed the order by now. */
  isOver = false
  #late: Error | undefined
  /** Created on demand, as most hooks do not use it. */
  #aborter: AbortController | undefined
  #giveUp: ((late: Error) => void) | undefined

  constructor(log: Log) {
    this.log = log
  }

  get isLate(): boolean {
    return this.#late !== undefined
  }

  /** Whether the app is closing. */
  get isLeft(): boolean {
    return this.#late === CLOSING
  }

  get signal(): AbortSignal {
    this.#aborter ??= new AbortController()
    if (this.#late !== undefined) this.#aborter.abort(this.#late)
    return this.#aborter.signal
  }

  leave(): void {
    this.tooLate(CLOSING)
  }

  end(): void {
    this.isOver = true
  }

  tooLate(reason: Error): void {
    this.#late ??= reason
    this.#aborter?.abort(reason)
    this.#giveUp?.(reason)
  }

  /** Runs a hook; rejects if it takes too long. */
  async limit(run: () => Promise<void> | void): Promise<void> {
    // The transaction may have waited too long for its connection.
    if (this.#late !== undefined) throw this.#late
    const hook = run()
    if (hook !== undefined) {
      await Promise.race([
        hook,
        new Promise<never>((_resolve, reject) => {
          this.#giveUp = reject
        }),
      ])
    }
  }
}

/** The context passed to a hook. */
export class Context<Tx> implements FulfilContext<Tx> {
  readonly #lease: Lease
  readonly tx: Tx
  readonly log: Log

  constructor(tx: Tx, lease: Lease) {
    this.tx = tx
    this.log = lease.log
    this.#lease = lease
  }

  get signal(): AbortSignal {
    return this.#lease.signal
  }
}
