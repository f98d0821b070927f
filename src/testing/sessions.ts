import assert from 'node:assert/strict'
import type { Anomaly, Resolution, TokenSession } from '../model.ts'
import type { Case } from './case.ts'
import { at, newAnomaly, newOrder, newPayment, same, times } from './rows.ts'

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
      // More than one step of a store that deletes in steps.
      const many = times(101, (n) => ({ ...session('a', 1), tokenHash: String(n).padStart(64, '0') }))
      await Promise.all(many.map((each) => store.putSession(each)))
      const sessions = [session('a', 1), session('b', 2), session('c', 3)]
      for (const each of sessions) await store.putSession(each)
      await store.deleteSessionsBefore(at(2))
      same(await Promise.all(sessions.map(({ tokenHash }) => store.getSession(tokenHash))), [
        undefined,
        ...sessions.slice(1),
      ])
      for (const { tokenHash } of many) same(await store.getSession(tokenHash), undefined)
    },
  ],

  [
    'forget ends the sessions of a payer, and takes the openid out of findings that are decided, and of no others',
    async ({ store }) => {
      const [payer, other] = ['o-forgotten', 'O-forgotten']
      const session = (name: string, openid: string): TokenSession => ({
        tokenHash: name.repeat(64),
        appid: 'wx0000000000000001',
        openid,
        unionid: undefined,
        expiresAt: at(1),
      })
      const found = async (id: string, openid: string): Promise<Anomaly> => {
        const payment = { ...newPayment(newOrder()), openid }
        const anomaly = newAnomaly({ id, kind: 'unknown-order', outTradeNo: payment.outTradeNo, payment })
        await store.insertAnomaly(anomaly)
        return anomaly
      }
      const sessions = [session('a', payer), session('b', payer), session('c', other)]
      for (const each of sessions) await store.putSession(each)
      const resolution: Resolution = { action: 'dismiss', note: 'done', at: at(5) }
      const [decided, others, open] = [await found('1', payer), await found('2', other), await found('3', payer)]
      for (const { id } of [decided, others]) await store.resolveAnomaly(id, resolution)
      await store.forget(payer)
      same(await Promise.all(sessions.map(({ tokenHash }) => store.getSession(tokenHash))), [
        undefined,
        undefined,
        sessions[2],
      ])
      const masked = { ...decided, resolution, payment: { ...decided.payment!, openid: '' } }
      same(await store.findAnomaly('1'), masked)
      same(await store.findAnomaly('2'), { ...others, resolution })
      same(await store.findAnomaly('3'), { ...open, resolution: undefined })
    },
  ],
]
