import Fastify from 'fastify'
import t from 'tap'
import { WechatError } from '../../src/errors.ts'
import { loggable, reasonOf } from '../../src/base/thrown.ts'
import { NASTY } from '../nonsense.ts'

let line = ''
const { log } = Fastify({
  logger: {
    stream: {
      write: (text: string) => {
        line = text
      },
    },
  },
})

t.test('an ordinary error is logged unchanged', async (t) => {
  class PaymentError extends Error {
    readonly statusCode = 410
    readonly details = { sku: 'tea', stock: [0, 0], at: new Date(0), bytes: Buffer.from('x'), nothing: null }
  }
  for (const error of [
    new Error('sold out'),
    new PaymentError('sold out', { cause: new Error('the warehouse is closed', { cause: 'strike' }) }),
    new AggregateError([new Error('a'), new Error('b')], 'both'),
    new WechatError('WECHAT_STORE_FAILED', 'The order store failed.', { cause: new Error('ECONNRESET') }),
    { statusCode: 410, message: 'sold out' },
  ]) {
    t.equal(loggable(error), error)
    t.equal(reasonOf(error), error instanceof Error ? error.message : '[object Object]')
  }
})

for (const [name, make] of Object.entries(NASTY)) {
  t.test(`thrown: ${name}`, async (t) => {
    const error = loggable(make())
    log.error({ err: error }, 'It failed')
    t.match(JSON.parse(line), { msg: 'It failed' })
    t.ok(line.length < 30_000, `a line of ${line.length} characters`)
    t.ok(JSON.stringify(error).length < 30_000)
    const reason = reasonOf(make())
    t.ok(reason.length <= 500, reason.slice(0, 40))
  })
}

t.test('large errors are reduced to their most important parts', async (t) => {
  const long = Object.assign(new TypeError('m'.repeat(1_000_000), { cause: new Error('closed') }), {
    code: 'ESOLD',
    statusCode: 410,
  })
  const cut = loggable(long)
  t.not(cut, long)
  t.match(cut, { name: 'TypeError', code: 'ESOLD', statusCode: 410, cause: { message: 'closed' } })
  t.equal((cut as Error).message, 'm'.repeat(500))
  t.match((cut as Error).stack, /^TypeError: m+\n…\n[^]*at .*thrown\.test\.ts/)

  const deep = loggable(NASTY['an error with 20 000 causes']!()) as Error
  t.match(deep, { message: 'cause 19999', cause: { message: 'cause 19998', cause: { cause: { cause: undefined } } } })
  t.match(loggable('text'), { name: 'Error', message: 'text', stack: 'Error: text' })
  t.match(loggable(undefined), { message: 'undefined' })
})

t.test('a reason is a string that every database can store', async (t) => {
  t.equal(reasonOf(new Error('a\0b')), 'ab')
  t.equal(reasonOf('half \ud83c'), 'half \ufffd')
  t.equal(reasonOf(NASTY['an error whose message throws']!()), 'something was thrown that cannot be shown')
})
