import { createHmac } from 'node:crypto'
import t from 'tap'
import { startMock, vectors } from '../helpers.ts'
import { callSession, loginAs, sessionHmac } from '../login.ts'

const CHECK = '/wxa/checksession'

t.test('signed with the key of now', async (t) => {
  for (const { name, session_key: key, message, signature } of vectors<{
    sessionHmac: { name: string; session_key: string; message: string; signature: string }[]
  }>('login').sessionHmac) {
    t.equal(sessionHmac(key, message), signature, name)
  }
  const { default: world } = await startMock(t)
  const key = await loginAs(world, 'o-alice')
  t.match(await callSession(world, CHECK, 'o-alice', key), {
    status: 200,
    contentType: 'application/json; charset=utf-8',
    text: '{"errcode":0,"errmsg":"ok"}',
  })
  world.rotateSessionKey('o-alice')
  t.match((await callSession(world, CHECK, 'o-alice', key)).json, {
    errcode: 87009,
    errmsg: /^invalid signature rid: /,
  })
  const fresh = await loginAs(world, 'o-alice')
  const decoded = createHmac('sha256', Buffer.from(fresh, 'base64')).update('').digest('hex')
  t.match(
    (await callSession(world, CHECK, 'o-alice', fresh, { signature: decoded })).json,
    { errcode: 87009 },
    'the key is a text',
  )
  t.match((await callSession(world, CHECK, 'o-alice', fresh)).json, { errcode: 0 })
})
