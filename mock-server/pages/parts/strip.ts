import type { Delivery, Notification } from '../../notify/notification.ts'
import type { World } from '../../world/world.ts'
import { relative, span } from '../frame/format.ts'
import { html, type Markup } from '../frame/markup.ts'
import { to, type View } from '../frame/view.ts'
import { verdictWord, type Say } from '../frame/words.ts'

/** The number of sends in a notification's schedule, including the first. */
export const planned = ({ gaps }: Notification, { plan }: Pick<World, 'plan'>) =>
  (gaps ?? plan.gaps).length + (plan.immediate ? 1 : 0)

/** The sends by attempt. A manual send has the number of the send that it repeats. */
function attemptsOf({ attempts }: Notification): ReadonlyMap<number, readonly Delivery[]> {
  const byNumber = new Map<number, Delivery[]>()
  for (const delivery of attempts) {
    byNumber.set(delivery.attempt, [...(byNumber.get(delivery.attempt) ?? []), delivery])
  }
  return byNumber
}

/** The number of the next attempt, from 1. */
export const nextAttempt = (notification: Notification) =>
  2 + Math.max(-1, ...notification.attempts.map(({ attempt }) => attempt))

const isTaken = ({ verdict }: Delivery) => verdict === 'acked'

/**
 * One mark for each planned send: accepted, not accepted, due next, still to come. `big`: each mark links to its delivery and shows its time and reason.
 */
export function strip(view: View, notification: Notification, big = false): Markup {
  const { world, say } = view
  const sent = attemptsOf(notification)
  const next = nextAttempt(notification) - 1
  const isDone = notification.state === 'acked' || notification.state === 'cancelled'
  const marks = Array.from({ length: Math.max(planned(notification, world), next) }, (_, n) => {
    const deliveries = sent.get(n)
    if (deliveries !== undefined) {
      const shown = deliveries.find(isTaken) ?? deliveries.at(-1)!
      const mark = html`<i class="${isTaken(shown) ? 'a' : 'x'}"></i>`
      if (!big) return mark
      const when = relative(shown.sentAt, world.clock.now(), say)
      const told = `${say('attempt', { n: n + 1 })}${say('comma')}${when}${say('colon')}${say(verdictWord(shown.verdict))}`
      return html`<a href="${to(view, `deliveries/${shown.id}`)}" title="${told}" aria-label="${told}">${mark}</a>`
    }
    if (isDone) return undefined
    if (n > next) return html`<i></i>`
    if (notification.state === 'held') return html`<i class="h"></i>`
    return html`<i class="${notification.nextDueAt === undefined ? 'u' : 'n'}"></i>`
  })
  return html`<span class="marks${big && ' big'}" role="${big ? 'group' : 'img'}" aria-label="${notificationWord(notification, world, say)}">${marks}</span>`
}

/** The state of a notification in words. */
export function notificationWord(notification: Notification, world: World, say: Say): string {
  const { state, nextDueAt, attempts } = notification
  const n = nextAttempt(notification)
  const all = planned(notification, world)
  if (state === 'pending') {
    return nextDueAt === undefined
      ? say('underWay', { n, all })
      : say('pending', { n, all, span: span(Math.max(0, nextDueAt.getTime() - world.clock.now().getTime()), say) })
  }
  return say(state, { n: attempts.length })
}

/** The colour of a notification's state. */
export const notificationKind = ({ state }: Pick<Notification, 'state'>) =>
  state === 'acked' ? 'good' : state === 'exhausted' || state === 'cancelled' ? 'bad' : 'wait'
