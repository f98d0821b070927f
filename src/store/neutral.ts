import { WechatError } from '../errors.ts'
import type { Store } from './store.ts'
import { isKept } from './texts.ts'

/**
 * The store, with errors that may be shown to clients: a database's own errors name tables, columns and values, and the app's error handler may send their
 * message to a client. The database's error is the `cause`, for the log. `fulfil` is unchanged: its errors are those of the user's hook, and do not reach
 * clients.
 *
 * A number or key that no database can store is not found in any store: some databases would refuse the query, and others would look for another text.
 */
export function neutral<Tx>(store: Store<Tx>): Store<Tx> {
  return {
    insertOrder: (...args) => store.insertOrder(...args).catch(failed),
    findOrder: async (...args) => (isKept(args[0]) ? await store.findOrder(...args).catch(failed) : undefined),
    findLiveOrder: async (...args) => (isKept(args[0]) ? await store.findLiveOrder(...args).catch(failed) : undefined),
    findOrders: (...args) => store.findOrders(...args).catch(failed),
    ordersBetween: (...args) => store.ordersBetween(...args).catch(failed),
    refundedBetween: (...args) => store.refundedBetween(...args).catch(failed),
    updateOrder: (...args) => (isKept(args[0]) ? store.updateOrder(...args).catch(failed) : NONE),
    claimDue: (...args) => store.claimDue(...args).catch(failed),
    beat: (...args) => store.beat(...args).catch(failed),
    takeOver: (...args) => store.takeOver(...args).catch(failed),
    bringForward: (...args) => store.bringForward(...args).catch(failed),
    fulfil: (...args) => store.fulfil(...args),
    history: async (...args) => (isKept(args[0]) ? await store.history(...args).catch(failed) : []),
    insertAnomaly: (...args) => store.insertAnomaly(...args).catch(failed),
    anomalies: (...args) => store.anomalies(...args).catch(failed),
    archive: (...args) => store.archive(...args),
    findAnomaly: async (...args) => (isKept(args[0]) ? await store.findAnomaly(...args).catch(failed) : undefined),
    resolveAnomaly: (...args) => store.resolveAnomaly(...args).catch(failed),
    countDue: (...args) => store.countDue(...args).catch(failed),
    putSession: (...args) => store.putSession(...args).catch(failed),
    getSession: (...args) => store.getSession(...args).catch(failed),
    deleteSession: (...args) => store.deleteSession(...args).catch(failed),
    deleteSessionsBefore: (...args) => store.deleteSessionsBefore(...args).catch(failed),
    forget: (...args) => store.forget(...args).catch(failed),
    getShared: (...args) => store.getShared(...args).catch(failed),
    swapShared: (...args) => store.swapShared(...args).catch(failed),
  }
}

const NONE = Promise.resolve(undefined)

function failed(cause: unknown): never {
  if (cause instanceof WechatError) throw cause
  throw new WechatError('WECHAT_STORE_FAILED', 'The order store failed; the log says how. Try again.', {
    cause,
    advice: 'repeat',
  })
}
