import Fastify from 'fastify'
import t from 'tap'
import { createInjectSender } from '../../mock-server/inject-sender.ts'
import { ACK } from './helpers.ts'

t.test('posts into an application', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addContentTypeParser('text/xml', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post('/notify', async ({ headers, body, query }, reply) => {
    reply.header('x-seen', `${headers.host} ${JSON.stringify(query)} ${body as string}`)
    return ACK
  })
  app.post('/gbk', async () => Buffer.from([0xb2, 0xe8]))
  app.post('/slow', () => new Promise(() => {}))
  app.post('/broken', (_request, reply) => {
    reply.hijack()
    reply.raw.destroy(new Error('gone'))
  })
  const { post, close } = createInjectSender(app)
  const send = (path: string, limitMs = 1000) =>
    post(`https://shop.example.com${path}`, { 'content-type': 'text/xml' }, '<xml></xml>', limitMs)
  t.match(await send('/notify?a=1'), {
    reply: { status: 200, body: ACK, headers: { 'x-seen': 'shop.example.com {"a":"1"} <xml></xml>' } },
    durationMs: Number,
  })
  t.match(await send('/gbk'), { reply: { raw: Buffer.from([0xb2, 0xe8]) } })
  t.match(await send('/slow', 10), { timedOut: true })
  t.match(await send('/broken'), { error: { message: 'gone' } })
  t.match(await post('nonsense', {}, 'x', 1000), { error: { code: 'ERR_INVALID_URL' } })
  close()
})
