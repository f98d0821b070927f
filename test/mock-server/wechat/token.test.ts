import t from 'tap'
import { startMock } from '../helpers.ts'
import { callLogin, getToken } from '../login.ts'

t.test('a token, in the recorded form', async (t) => {
  const mock = await startMock(t)
  const { status, contentType, text } = await getToken(mock.default)
  t.same([status, contentType], [200, 'application/json; charset=utf-8'])
  t.match(text, /^\{"access_token":"[\w-]{131}","expires_in":7200\}$/)
})

t.test('two servers without a shared cache knock each other out', async (t) => {
  const { default: world } = await startMock(t)
  const [one, other] = [(await getToken(world)).json.access_token, (await getToken(world)).json.access_token]
  // With a token that is taken, the next thing to be wrong is the signature.
  const errcodes = () =>
    Promise.all(
      [one, other].map(
        async (token) => (await callLogin(world, '/wxa/checksession', { access_token: token })).json.errcode,
      ),
    )
  t.same(await errcodes(), [87009, 87009])
  await world.advance('5m')
  t.same(await errcodes(), [40001, 87009], 'for some minutes both worked')
  await world.advance('1h55m')
  t.same(await errcodes(), [40001, 42001])
})
