import t from 'tap'
import { startMock } from '../helpers.ts'
import { getStableToken } from '../login.ts'

t.test('the same token, with what is left of it; by force another one', async (t) => {
  const { default: world } = await startMock(t)
  const first = await getStableToken(world)
  t.same([first.status, first.contentType], [200, 'application/json; charset=utf-8'])
  t.match(first.text, /^\{"access_token":"[\w-]{131}","expires_in":7200\}$/)
  await world.advance('10s')
  t.same((await getStableToken(world, { force_refresh: false })).json, { ...first.json, expires_in: 7190 })
  t.same(
    (await getStableToken(world, { force_refresh: 'true' })).json,
    { ...first.json, expires_in: 7190 },
    'a text is not true',
  )
  const forced = await getStableToken(world, { force_refresh: true })
  t.not(forced.json.access_token, first.json.access_token)
  t.same((await getStableToken(world)).json, forced.json)
})
