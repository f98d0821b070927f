import { Agent } from 'node:http'
import type { Case, Play } from '../case.ts'
import type { Bench } from '../parts/bench.ts'
import { row } from '../parts/row.ts'
import type { Dialect } from './dialect.ts'
import { accepted, fail, genuineFollows, play, refusedOr } from '../plays.ts'
import type { Shot } from '../parts/shoot.ts'

const BODY = 'Read the raw body yourself, whatever its Content-Type. Verify before you parse.'

/** The genuine message, changed on its way. */
const sent =
  (change: (shot: Shot) => Partial<Shot>) =>
  (bench: Bench, outTradeNo: string): Shot => {
    const shot = bench.message(outTradeNo)
    return { ...shot, ...change(shot) }
  }
const without = ({ headers }: Shot, name: string) =>
  Object.fromEntries(Object.entries(headers).filter(([header]) => header.toLowerCase() !== name))
const header = (name: string, value: string) => sent((shot) => ({ headers: { ...without(shot, name), [name]: value } }))

type Change = (shot: Shot) => Partial<Shot>

/** A Content-Length that is wrong by this much. */
const claiming =
  (more: number): Change =>
  ({ body }) => ({ transport: { kind: 'claim', length: Buffer.byteLength(body as string) + more } })
const dripping =
  (bytes: number, everyMs: number): Change =>
  () => ({ transport: { kind: 'drip', bytes, everyMs } })

/** While requests hang, the backend serves another order; the hanging ones have no effect. */
const besides = (change: Change, clients = 1): Play =>
  play(
    ['acks'],
    [
      ['PASS', 'the backend serves other notifications meanwhile'],
      ['FAIL', 'a slow client holds up the others'],
    ],
    async (bench) => {
      const [slow, other] = [await bench.order(), await bench.order()]
      const isOver = new AbortController()
      const shots = Array.from({ length: clients }, () => ({ ...sent(change)(bench, slow), until: isOver.signal }))
      const hanging = Promise.all(shots.map((shot) => bench.send(shot)))
      try {
        await bench.pay(other)
        await bench.paidOnce(other, 'a slow client was connected')
      } finally {
        isOver.abort()
        await hanging
      }
      await bench.stillUnpaid(slow, 'its notification never arrived complete')
    },
  )

/** An incomplete request has no effect; the backend accepts the genuine one. */
const broken = (change: Change, limitMs = 1500): Play =>
  play(
    ['acks'],
    [
      ['PASS', 'the backend refuses it or closes the connection, and fulfils nothing; then it accepts the genuine one'],
      ['FAIL', 'goods go out for half a message, or the backend dies'],
    ],
    async (bench) => {
      const no = await bench.order()
      const answer = await bench.send(sent(change)(bench, no), limitMs)
      await refusedOr(bench, { ...answer, verdict: answer.verdict === 'timeout_5s' ? 'reset' : answer.verdict }, no)
      await genuineFollows(bench, no)
    },
  )

const method = (name: string): Play =>
  play(
    ['acks'],
    [
      ['PASS', 'the backend answers HTTP 4xx or 5xx and fulfils nothing'],
      ['LAX', 'the backend answers HTTP 2xx or 3xx and fulfils nothing'],
      ['FAIL', 'goods go out'],
    ],
    async (bench) => {
      const no = await bench.order()
      const answer = await bench.send(sent(() => ({ method: name, ...(name === 'GET' && { body: '' }) }))(bench, no))
      await bench.stillUnpaid(no, `${name} is not a notification`)
      if (answer.status < 400) bench.lax(`HTTP ${answer.status} to ${name}`)
    },
  )

/** What an answer must not contain: details of the program. */
const LEAKS: readonly [what: string, pattern: RegExp][] = [
  [
    'a stack trace',
    /\bat [\w.$<>]+ ?\(?[^)\n]*:\d+|Traceback \(most recent|\.(?:java|py|go|php|ts|js):\d+|#\d+ \/?[\w/.]+\(\d+\)|goroutine \d+/,
  ],
  [
    'an SQL statement',
    /\b(?:SELECT|INSERT INTO|UPDATE) .{0,80}\b(?:FROM|VALUES|SET)\b|SQLSTATE|syntax error at or near/,
  ],
  ['a path on the machine', /(?:\/(?:usr|var|home|app|srv|opt)\/[\w./-]+\.\w+)|[A-Z]:\\\\?\w+/],
]

export function leakIn(body: string, apiKey: string): string | undefined {
  if (body.includes(apiKey)) return 'the API key'
  return LEAKS.find(([, pattern]) => pattern.test(body))?.[0]
}

const MANY = 200

export const transport = (dialect: Dialect): readonly Case[] => [
  row(
    dialect.id(601),
    'availability',
    'One byte per second',
    'A slow client must not hold up others.',
    'Set a time limit for request bodies. Read them without blocking a worker.',
    besides(dripping(1, 1000)),
  ),
  row(
    dialect.id(602),
    'availability',
    'Cut off halfway through the body',
    'Half a message has no effect.',
    BODY,
    broken(({ body }) => ({ transport: { kind: 'cut', after: body.length - 20 } })),
    { quick: true },
  ),
  row(
    dialect.id(603),
    'availability',
    'A Content-Length that is too short',
    'Half a message has no effect.',
    BODY,
    broken(claiming(-20)),
  ),
  row(
    dialect.id(605),
    'availability',
    'A Content-Length that is too long',
    'An incomplete message has no effect and blocks nobody.',
    BODY,
    besides(claiming(50)),
  ),
  row(
    dialect.id(604),
    'hygiene',
    'GET',
    'Only a POST is a notification.',
    'Answer 405 to other methods.',
    method('GET'),
  ),
  row(
    dialect.id(609),
    'hygiene',
    'PUT with the genuine message',
    'Only a POST is a notification.',
    'Answer 405 to other methods.',
    method('PUT'),
  ),
  row(
    dialect.id(606),
    'availability',
    'No session, no cookie, no token',
    'WeChat cannot log in. The route is public, and the signature proves the sender.',
    'Exempt the route from login and CSRF checks.',
    accepted((bench, no) => bench.message(no)),
    { source: dialect.source },
  ),
  row(
    dialect.id(607),
    'money',
    '200 orders at once',
    'Many different orders are paid at once. The backend accepts every notification.',
    'Do slow work after the answer. Let the connection pool queue requests instead of refusing them.',
    play(
      ['acks'],
      [
        ['PASS', 'the backend accepts and fulfils all of them'],
        ['LAX', 'the backend refuses some and accepts their repeats'],
        ['FAIL', 'a payment is lost'],
      ],
      async (bench) => {
        const numbers: string[] = []
        for (let n = 0; n < MANY; n++) numbers.push(await bench.order())
        for (const no of numbers) await bench.world.pay(no, { deliver: 'hold' })
        // The runner's own work does not count against the backend's 5 s.
        const shots = numbers.map((no) => bench.message(no))
        const answers = await Promise.all(shots.map((shot) => bench.send(shot)))
        const again = numbers.filter((_, n) => !answers[n]!.acked)
        if (again.length > 0) bench.lax(`the backend did not accept ${again.length} of ${MANY} at once`)
        for (const no of again) await bench.pay(no)
        for (const no of numbers) await bench.paidOnce(no, `${MANY} orders were paid at once`)
      },
    ),
  ),
  row(
    dialect.id(608),
    'security',
    'What a refusal reveals',
    'A refusal contains no stack trace, SQL, path or key.',
    'Answer FAIL with a short text. Log the rest.',
    play(
      [],
      [
        ['PASS', 'no answer reveals anything internal'],
        ['FAIL', 'an answer contains a stack trace, SQL, a path or a key'],
      ],
      async (bench) => {
        const no = await bench.order()
        const genuine = String(bench.message(no).body)
        const odd = dialect.odd(genuine)
        for (const body of odd) {
          const answer = await bench.send(bench.bytes(body))
          const leak = leakIn(answer.body, bench.world.credentials.apiKey)
          if (leak !== undefined) fail(`the answer contains ${leak}: ${answer.body.slice(0, 200)}`)
        }
      },
    ),
  ),
  row(
    dialect.id(610),
    'availability',
    'Chunked transfer encoding',
    'The backend reads a body without Content-Length to its end.',
    BODY,
    accepted(
      sent(() => ({ transport: { kind: 'chunked' } })),
      { lax: 'WeChat sends a Content-Length' },
    ),
  ),
  row(
    dialect.id(611),
    'availability',
    'No Content-Type',
    'The body decides, whatever the header says.',
    BODY,
    accepted(
      sent((shot) => ({ headers: without(shot, 'content-type') })),
      { lax: `WeChat sends ${dialect.contentType}` },
    ),
  ),
  row(
    dialect.id(612),
    'availability',
    `Content-Type ${dialect.otherType}`,
    'The body decides, whatever the header says.',
    BODY,
    accepted(header('content-type', dialect.otherType), { lax: `WeChat sends ${dialect.contentType}` }),
  ),
  row(
    dialect.id(613),
    'availability',
    'Content-Type with a charset',
    'A charset in the Content-Type changes nothing.',
    BODY,
    accepted(header('content-type', `${dialect.contentType}; charset=utf-8`)),
  ),
  row(
    dialect.id(614),
    'availability',
    'Content-Type of a form',
    'A form parser must not consume the body.',
    BODY,
    accepted(header('content-type', 'application/x-www-form-urlencoded'), {
      lax: `WeChat sends ${dialect.contentType}`,
    }),
  ),
  row(
    dialect.id(615),
    'availability',
    'In small pieces',
    'Many small pieces make one body.',
    BODY,
    accepted(sent(dripping(64, 5))),
  ),
  row(
    dialect.id(616),
    'availability',
    'Two notifications on one connection',
    'WeChat may reuse a connection.',
    'Read each request to its end before you answer the next one.',
    accepted(async (bench, no) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const other = await bench.order()
      await bench.world.pay(other, { deliver: 'hold' })
      await bench.send({ ...bench.message(other), agent })
      return { ...bench.message(no), agent }
    }),
  ),
  row(
    dialect.id(617),
    'availability',
    'Thirty clients that send headers but no body',
    'Idle connections must not hold up others.',
    'Set time limits for headers and bodies.',
    besides(dripping(1, 10_000), 30),
  ),
  row(
    dialect.id(618),
    'hygiene',
    'Another Host header',
    'The route must not depend on the host name, which changes behind a proxy.',
    'Nothing to do.',
    accepted(header('host', 'pay.example.com'), { lax: 'a server may answer only to its own names' }),
  ),
  row(
    dialect.id(619),
    'security',
    "A stranger's address in X-Forwarded-For",
    'An address in a header proves nothing, for or against the sender.',
    'Trust the signature, not addresses.',
    accepted(header('x-forwarded-for', '203.0.113.9'), { lax: 'an allow-list of addresses is optional' }),
  ),
]
