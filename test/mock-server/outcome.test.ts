import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import type { Outcome } from '../../mock-server/exchange.ts'
import { sendOutcome } from '../../mock-server/outcome.ts'

const reply = { status: 201, headers: { 'content-type': 'text/plain' }, body: 'a whole reply' }

async function received(
  t: Test,
  app: FastifyInstance,
  outcome: Outcome,
  secure = false,
): Promise<{ text: string; error: string | undefined }> {
  t.teardown(() => app.close())
  app.get('/', async (_request, reply) => sendOutcome(reply, outcome))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const socket = secure
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1')
  let text = ''
  let error: string | undefined
  socket
    .setEncoding('utf8')
    .on('data', (chunk: string) => {
      text += chunk
    })
    .on('error', (found: NodeJS.ErrnoException) => {
      error = found.code
    })
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  await new Promise((resolve) => {
    socket.once('close', resolve)
  })
  return { text, error }
}

t.test('a reply is sent as it is', async (t) => {
  const { text } = await received(t, Fastify(), { kind: 'reply', reply } as Outcome)
  t.match(text, /^HTTP\/1\.1 201 [^]*content-type: text\/plain[^]*a whole reply$/)
})

t.test('a truncated reply promises more than it sends', async (t) => {
  const { text } = await received(t, Fastify(), { kind: 'truncate', reply, bytes: 7 } as Outcome)
  t.match(text, /content-length: 13[^]*a whole$/)
})

t.test('a reset says nothing', async (t) => {
  const { text, error } = await received(t, Fastify(), { kind: 'reset' } as Outcome)
  t.strictSame([text, error], ['', 'ECONNRESET'])
  const https = {
    key: readFileSync(new URL('../tls/key.pem', import.meta.url)),
    cert: readFileSync(new URL('../tls/cert.pem', import.meta.url)),
  }
  t.equal(
    (await received(t, Fastify({ https }) as unknown as FastifyInstance, { kind: 'reset' } as Outcome, true)).text,
    '',
    'over TLS the connection just ends',
  )
})
