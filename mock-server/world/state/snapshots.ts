import { MockError } from '../../base/errors.ts'
import type { WorldCore } from '../../wechat/core.ts'
import type { Parties } from '../parties.ts'
import { fromExport, toExport, type OwnerCredentials, type WorldExport } from './export.ts'
import { checkState } from './shape.ts'
import { putState, RESET_PARTS, resetState, takeState, type ResetPart, type WorldState } from './state.ts'

/** Each is a whole world. */
const MAX_SNAPSHOTS = 100

/** Restores a world: to its beginning, to a snapshot, or to an export. */
export interface Snapshots {
  /**
   * Empties `orders` (with refunds, notifications and deliveries), `users`, `journal`, `faults` (with gates and hooks) or
   * sets the `clock` back to the start; default: all of them, except the time of a real clock.
   * @throws MockError CLOCK_BUSY, CLOCK_REAL, BAD_INPUT
   */
  readonly reset: (...what: ResetPart[]) => void
  /**
   * Stores the current state of the world; returns the name to restore it by.
   * @throws MockError TOO_MANY_SNAPSHOTS (at most 100 per world)
   */
  readonly snapshot: (name?: string) => string
  /** @throws MockError UNKNOWN_SNAPSHOT */
  readonly deleteSnapshot: (name: string) => void
  readonly snapshots: () => { readonly name: string; readonly at: Date }[]
  /**
   * Restores the world, as often as you like. Gates open and hooks are dropped; operations in flight leave no trace in it.
   * @throws MockError UNKNOWN_SNAPSHOT, CLOCK_BUSY
   */
  readonly restore: (name: string) => void
  /** The world as plain JSON data, for a file. */
  readonly export: () => WorldExport
  /**
   * Restores the state of an export of the same merchant and app; its other merchants and apps are added.
   * @throws MockError BAD_INPUT, CLOCK_BUSY, ID_TAKEN
   */
  readonly import: (exported: WorldExport) => void
}

function ownerOf({ accounts, apps }: WorldCore): OwnerCredentials {
  const [{ mchId, apiKey, apiV3Key }, { appid, appSecret }] = [accounts[0]!, apps[0]!]
  return { appid, appSecret, mchId, apiKey, apiV3Key }
}

export function createSnapshots(
  world: WorldCore,
  start: number,
  { adopt }: Pick<Parties, 'adopt'>,
  onReset: (what: readonly ResetPart[]) => void,
): Snapshots {
  const { id } = world
  const snapshots = new Map<string, WorldState>()
  const unknown = (name: string) => new MockError('UNKNOWN_SNAPSHOT', `world ${id} has no snapshot ${name}`)

  function freshName(): string {
    let n = snapshots.size + 1
    while (snapshots.has(`s${n}`)) n++
    return `s${n}`
  }

  function put(state: WorldState, prepare?: () => void): void {
    putState(world, state, prepare)
    onReset(RESET_PARTS)
  }

  return {
    reset: (...what) => {
      resetState(world, new Date(start), what)
      onReset(what.length > 0 ? what : RESET_PARTS)
    },
    snapshot: (name = freshName()) => {
      if (snapshots.size === MAX_SNAPSHOTS && !snapshots.has(name)) {
        throw new MockError(
          'TOO_MANY_SNAPSHOTS',
          `world ${id} has ${MAX_SNAPSHOTS} snapshots, the maximum; delete one first`,
        )
      }
      snapshots.set(name, takeState(world))
      return name
    },
    deleteSnapshot: (name) => {
      if (!snapshots.delete(name)) throw unknown(name)
    },
    snapshots: () => Array.from(snapshots, ([name, { now }]) => ({ name, at: now })),
    restore: (name) => {
      const state = snapshots.get(name)
      if (!state) throw unknown(name)
      put(state)
    },
    export: () => toExport(ownerOf(world), takeState(world)),
    import: (exported) => {
      const state = checkState(fromExport(exported, ownerOf(world)))
      put(state, adopt(state.merchants, state.apps))
    },
  }
}
