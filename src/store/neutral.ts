import { WechatError } from '../errors.ts'
import type { Store } from './store.ts'

/**
 * The store, with errors that may be shown: a database's own name tables, columns and values, and the host's error handler gives a message to whoever asked.
 * The database's error is the `cause`, for the log. `fulfil` is left alone: its errors are those of the user's hook, and reach nobody else.
 */
export function neutral<Tx> (store: Store<Tx>): Store<Tx> {
  return new Proxy(store, {
    get (target, name) {
      const method: unknown = Reflect.get(target, name, target)
      if (typeof method !== 'function') return method
      if (name === 'fulfil') return method.bind(target)
      return async (...args: unknown[]) => {
        try {
          return await Reflect.apply(method, target, args)
        } catch (cause) {
          if (cause instanceof WechatError) throw cause
          throw new WechatError('WECHAT_STORE_FAILED', 'The order store failed; the log says how. Try again.', { cause, advice: 'repeat' })
        }
      }
    }
  })
}
