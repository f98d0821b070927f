import t from 'tap'
import { WechatError } from '../../src/errors.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { neutral } from '../../src/store/neutral.ts'
import type { Claim, Store } from '../../src/store/store.ts'

t.test(
  'a database error becomes the cause of a neutral one; our own errors and those of hooks are passed on',
  async (t) => {
    const database = new Error('select * from wechat_sessions where token_hash = $1: no such table')
    const conflict = new WechatError('WECHAT_ORDER_CONFLICT', 'live already')
    const store = neutral({
      ...memoryStore(),
      findOrder: async () => {
        throw database
      },
      updateOrder: async () => {
        throw conflict
      },
      fulfil: async () => {
        throw database
      },
    } as Store)
    await t.rejects(store.findOrder('order-1'), {
      code: 'WECHAT_STORE_FAILED',
      statusCode: 503,
      message: 'The order store failed; the log says how. Try again.',
      cause: database,
    })
    t.equal(await store.updateOrder('order-1', () => undefined).catch((error: unknown) => error), conflict)
    t.equal(
      await store
        .fulfil(
          {} as Claim,
          async () => {},
          () => undefined,
        )
        .catch((error: unknown) => error),
      database,
    )
  },
)

t.test('every method is forwarded to the store with its arguments', async (t) => {
  const memory = memoryStore() as Store
  const names = Object.keys(memory) as (keyof Store)[]
  const recorder = Object.fromEntries(
    names.map((name) => [
      name,
      async function (this: unknown, ...args: unknown[]) {
        return [this === recorder, name, ...args]
      },
    ]),
  ) as unknown as Store
  const store = neutral(recorder)
  t.same(Object.keys(store).sort(), [...names].sort())
  for (const name of names) {
    t.same(await (store[name] as (...args: unknown[]) => Promise<unknown>)('1', 2, 3, 4), [true, name, '1', 2, 3, 4])
  }
})
