import t from 'tap'
import { startMock } from '../helpers.ts'
import { callSession, loginAs } from '../login.ts'

const RESET = '/wxa/resetusersessionkey'

t.test('a new key for the old one, which is dead at once', async (t) => {
  const { default: world } = await startMock(t)
  const old = await loginAs(world, 'o-alice')
  const { status, contentType, text, json } = await callSession(world, RESET, 'o-alice', old)
  t.same([status, contentType], [200, 'application/json; charset=utf-8'])
  t.match(text, /^\{"errcode":0,"errmsg":"ok","openid":"o-alice","session_key":"[\w+/]{22}=="\}$/)
  t.not(json.session_key, old)
  t.equal(world.user('o-alice').sessionKey, json.session_key)
  t.match((await callSession(world, RESET, 'o-alice', old)).json, { errcode: 87009 })
  t.match((await callSession(world, '/wxa/checksession', 'o-alice', json.session_key)).json, { errcode: 0 })
})

t.test('the new key is as old as the old one', async (t) => {
  const { default: world } = await startMock(t, { world: { sessionKeyPeriod: '10m' } })
  const old = await loginAs(world, 'o-alice')
  await world.advance('9m')
  const { json } = await callSession(world, RESET, 'o-alice', old)
  t.equal(await loginAs(world, 'o-alice'), json.session_key)
  await world.advance('2m')
  t.not(await loginAs(world, 'o-alice'), json.session_key)
})
