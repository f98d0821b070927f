import type { Order } from '../model.ts'

/** Whether nothing is left to do for the order, by us or by a person: only such orders may be archived. */
export function isDone({ state, fulfilment, dueAt, refunds }: Order): boolean {
  return (
    dueAt === null &&
    (state === 'paid' || state === 'closed' || state === 'failed') &&
    fulfilment !== 'due' &&
    fulfilment !== 'held' &&
    refunds.every(
      (refund) =>
        refund.dueAt === null &&
        refund.fulfilment !== 'due' &&
        (refund.state === 'success' || refund.state === 'closed' || refund.state === 'failed'),
    )
  )
}
