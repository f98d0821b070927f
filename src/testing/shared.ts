import assert from 'node:assert/strict'
import type { Case } from './case.ts'

export const SHARED: Case[] = [
  [
    'a shared value is kept by name, and replaced only by a process that knows the current one',
    async ({ store }) => {
      assert.equal(await store.getShared('token'), undefined)
      assert.equal(await store.swapShared('token', 'guessed', 'x'), false)
      assert.equal(await store.swapShared('token', undefined, '{"茶":1}'), true)
      assert.equal(await store.swapShared('token', undefined, 'x'), false)
      assert.equal(await store.swapShared('other', undefined, 'y'), true)
      assert.equal(await store.swapShared('token', '{"茶":2}', 'x'), false)
      assert.equal(await store.getShared('token'), '{"茶":1}')
      assert.equal(await store.swapShared('token', '{"茶":1}', 'z'.repeat(2000)), true)
      assert.equal(await store.getShared('token'), 'z'.repeat(2000))
      assert.equal(await store.getShared('other'), 'y')
    },
  ],

  [
    'of several simultaneous replacements of a shared value, one succeeds',
    async ({ store }) => {
      for (const before of [undefined, 'first']) {
        const after = before === undefined ? 'first' : 'second'
        const swaps = await Promise.all(
          Array.from({ length: 5 }, async () => await store.swapShared('lease', before, after)),
        )
        assert.equal(swaps.filter(Boolean).length, 1)
        assert.equal(await store.getShared('lease'), after)
      }
    },
  ],
]
