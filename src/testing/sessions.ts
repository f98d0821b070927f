import assert from 'node:assert/strict'
import type { TokenSession } from '../model.ts'
import type { Case } from './case.ts'
import { at, same } from './rows.ts'

export const SESSIONS: Case[] = [
  [
    'sessions are kept, replaced and deleted by the hash of their token',
    async ({ store }) => {
      const session: TokenSession = {
        tokenHash: 'a'.repeat(64),
        appid: 'wx0000000000000001',
        openid: 'o-contract',
        unionid: 'u-contract',
        expiresAt: at(1),
      }
      const other: TokenSession = { ...session, tokenHash: 'b'.repeat(64), unionid: undefined }
      await store.putSession(session)
      await store.putSession(other)
      same(await store.getSession(session.tokenHash), session)
      same(await store.getSession(other.tokenHash), other)

      const renewed = { ...session, openid: 'o-2', unionid: undefined, expiresAt: at(2) }
      await store.putSession(renewed)
      same(await store.getSession(session.tokenHash), renewed)

      await store.deleteSession(session.tokenHash)
      assert.equal(await store.getSession(session.tokenHash), undefined)
      same(await store.getSession(other.tokenHash), other)
    },
  ],

  [
    'deleteSessionsBefore deletes the sessions that have ended by then, and no others',
    async ({ store }) => {
      const session = (name: string, ms: number): TokenSession => ({
        tokenHash: name.repeat(64),
        appid: 'wx0000000000000001',
        openid: 'o-contract',
        unionid: undefined,
        expiresAt: at(ms),
      })
      const sessions = [session('a', 1), session('b', 2), session('c', 3)]
      for (const each of sessions) await store.putSession(each)
      await store.deleteSessionsBefore(at(2))
      same(await Promise.all(sessions.map(({ tokenHash }) => store.getSession(tokenHash))), [
        undefined,
        ...sessions.slice(1),
      ])
    },
  ],
]
