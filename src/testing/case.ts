import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Store } from '../store/store.ts'

/** A table of your own that a test writes to, to see that your writes commit and roll back with the order. */
export interface Probe<Tx> {
  /** Writes a row named `id` through the transaction. */
  write(tx: Tx, id: string): Promise<void>
  /** Whether a committed row named `id` exists, read outside of any transaction. */
  read(id: string): Promise<boolean>
}

/** A promise of the contract, with its name and the test for it. */
export type Case = [name: string, check: (setting: Setting) => Promise<void>]

export interface Setting {
  store: Store
  /** A row of the user's own table. */
  ownWrite: () => OwnWrite
  /** Starts, while a work runs, a change made by another process, and waits for it unless it has to wait for the work. */
  beside: <T>(start: () => Promise<T>) => Promise<{ change: Promise<T> }>
}

export interface OwnWrite {
  write(tx: unknown): Promise<void>
  isCommitted(expected: boolean): Promise<void>
}

export const NO_WRITE: OwnWrite = { async write() {}, async isCommitted() {} }

export function ownWrite(probe: Probe<unknown>): OwnWrite {
  const id = randomUUID()
  return {
    write: async (tx) => {
      await probe.write(tx, id)
    },
    isCommitted: async (expected) => {
      assert.equal(
        await probe.read(id),
        expected,
        `the work's own write must be ${expected ? 'committed' : 'rolled back'}`,
      )
    },
  }
}

export async function within(ms: number, change: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new assert.AssertionError({
          message: `No row may be locked while onPaid runs: a concurrent change had to wait for more than ${ms} ms.`,
        }),
      )
    }, ms)
  })
  try {
    await Promise.race([change, late])
  } finally {
    clearTimeout(timer)
  }
}
