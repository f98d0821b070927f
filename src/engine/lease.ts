import type { FulfilContext, Log } from '../hooks.ts'

const CLOSING = new Error('The app is closing.')

/** The time that a claim gives to its hooks. */
export class Lease {
  /** Whether somebody else may have the order by now. */
  isOver = false
  #late: Error | undefined
  /** Made for those who ask: most hooks do not. */
  #aborter: AbortController | undefined
  #giveUp: ((late: Error) => void) | undefined

  get isLate(): boolean {
    return this.#late !== undefined
  }

  /** Whether the app closes meanwhile. */
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

  /** Runs a hook; rejects when it takes too long. */
  async limit(run: () => Promise<void> | void): Promise<void> {
    // A transaction may have had to wait for its connection.
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

/** What a hook is given. */
export class Context<Tx> implements FulfilContext<Tx> {
  readonly #lease: Lease
  readonly tx: Tx
  readonly log: Log

  constructor(tx: Tx, log: Log, lease: Lease) {
    this.tx = tx
    this.log = log
    this.#lease = lease
  }

  get signal(): AbortSignal {
    return this.#lease.signal
  }
}
