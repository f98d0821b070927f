import { nativeSetImmediate } from '../../base/real-time.ts'
import type { Notification } from '../../notify/notification.ts'
import type { World } from '../../world/world.ts'

/** Sends the next notification twice at once. */
export interface Twice {
  hits: number
}

const armed = new WeakMap<World, Twice[]>()

export const twiceOf = (world: World): readonly Twice[] => armed.get(world) ?? []

/** Notifies the next payment with two requests at the same moment. */
export function armTwice(world: World): void {
  const list = armed.get(world)
  const twice = { hits: 0 }
  if (list) {
    list.push(twice)
    return
  }
  armed.set(world, [twice])
  world.on('paid', ({ outTradeNo, mchId }) => {
    const waiting = armed.get(world)!.find(({ hits }) => hits === 0)
    if (!waiting) return
    waiting.hits++
    // The notification is created, and sent for the first time, right after this event.
    nativeSetImmediate(() => {
      const isMeant = (other: Notification) =>
        other.kind === 'pay' && other.outTradeNo === outTradeNo && other.mchId === mchId
      world.notifications().findLast(isMeant)?.deliver({ awaited: false })
    })
  })
}

export function disarmTwice(world: World, n: number): void {
  armed.get(world)?.splice(n, 1)
}
