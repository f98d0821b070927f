import type { EffectOf } from '../../faults/effects.ts'
import type { Case, Suite } from '../case.ts'
import type { Bench } from '../parts/bench.ts'
import { askUntil } from '../parts/merchant.ts'
import { row } from '../parts/row.ts'
import { fail, info, play } from '../plays.ts'
import { codeOf, during, isIn, keepsSecrets, keptOut, letIn, post } from './forms.ts'

const DOC = 'developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html'
const ERRCODE = 'Look at errcode, not at the HTTP status: jscode2session answers refusals with HTTP 200.'
const SECRET = 'Keep session_key on the server; give the client a token of your own.'
const INPUT = 'Accept a code only if it is a text of some 32 characters, and send it on encoded.'
const LIMIT = 'Set a time limit of a few seconds for the call to WeChat, and answer 502 or 503.'

const BASELINE: readonly Case[] = [
  row(
    'L-101',
    'security',
    'A good code',
    'A code of wx.login lets its user in.',
    'Compare AppID and AppSecret: wechat-mock doctor says what differs.',
    letIn((bench) => post(bench, { code: codeOf(bench) })),
    { quick: true, source: DOC },
  ),
  row(
    'L-102',
    'security',
    'The session_key stays on the server',
    'No answer holds session_key or AppSecret.',
    SECRET,
    letIn(async (bench) => {
      await post(bench, { code: codeOf(bench, 'a') })
      return post(bench, { code: codeOf(bench, 'a') })
    }),
    { quick: true, source: DOC },
  ),
  row(
    'L-103',
    'availability',
    'No unionid',
    'unionid is there only for apps bound to an Open Platform account.',
    'Do not require unionid.',
    letIn((bench) => post(bench, { code: codeOf(bench) })),
    { source: DOC },
  ),
  row(
    'L-104',
    'availability',
    'With a unionid',
    'unionid may be there.',
    'Take it or leave it.',
    letIn((bench) => post(bench, { code: codeOf(bench, 'u', { unionid: bench.random.urlSafe(28, 'unionid') }) })),
    { source: DOC },
  ),
  row(
    'L-105',
    'availability',
    'The same user again',
    'A user may log in as often as they like.',
    'Update the user who is there.',
    letIn(async (bench) => {
      await post(bench, { code: codeOf(bench, 'again') })
      return post(bench, { code: codeOf(bench, 'again') })
    }),
  ),
  row(
    'L-106',
    'availability',
    'Twenty users at once',
    'Each is let in.',
    'Do not hold a lock while you wait for WeChat.',
    letIn(async (bench) => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => post(bench, { code: codeOf(bench, `n${n}`) })),
      )
      return answers.find((answer) => !isIn(answer)) ?? answers[0]!
    }),
  ),
]

type ErrCode = Extract<EffectOf<'jscode2session'>, { kind: 'errcode' }>['errcode']

const errcode = (id: string, code: number, title: string, server?: true): Case =>
  row(
    id,
    'security',
    `errcode ${code}: ${title}`,
    'A refusal of WeChat lets nobody in, though its HTTP status is 200.',
    ERRCODE,
    keptOut((bench) => during(bench, { kind: 'errcode', errcode: code as ErrCode }), server ? { server } : {}),
    { source: DOC, ...(code === 40029 && { quick: true as const }) },
  )

const CODES: readonly Case[] = [
  row(
    'L-201',
    'security',
    'A code for the second time',
    'A code works once: what WeChat refuses lets nobody in. The same answer as to the first is right for a double tap.',
    ERRCODE,
    play(
      ['login', 'acks'],
      [
        ['PASS', 'the second is refused'],
        ['INFO', 'the second is let in: right only if it is answered from the first, for a few seconds'],
        ['FAIL', 'no answer'],
      ],
      async (bench) => {
        const code = codeOf(bench)
        await post(bench, { code })
        const second = await post(bench, { code })
        keepsSecrets(bench)
        if (second.status === 0) fail('no answer')
        if (isIn(second)) info('the second was let in')
      },
    ),
    {
      quick: true,
      source: DOC,
      why: 'A cache of a few seconds is right, so a second login cannot be called wrong from outside.',
    },
  ),
  row(
    'L-202',
    'security',
    'A code that was made up',
    'A made-up code lets nobody in.',
    ERRCODE,
    keptOut((bench) => post(bench, { code: bench.random.alphanumeric(32, 'code') })),
    { quick: true, source: DOC },
  ),
  row(
    'L-203',
    'security',
    'A code that has expired',
    'A code is good for five minutes.',
    ERRCODE,
    keptOut((bench) => post(bench, { code: codeOf(bench, 'late', { ttl: 0 }) })),
    { source: DOC },
  ),
  errcode('L-204', 40029, 'invalid code'),
  errcode('L-205', 40163, 'code been used'),
  errcode('L-206', 40226, 'a blocked user'),
  errcode('L-207', 45011, 'too often', true),
  errcode('L-208', -1, 'system busy', true),
  errcode('L-209', 40013, 'invalid appid', true),
  errcode('L-210', 40125, 'invalid appsecret', true),
]

/** What no app sends, and anybody can. */
const BODIES: readonly [id: string, title: string, body: (bench: Bench) => unknown][] = [
  ['L-301', 'An empty code', () => ({ code: '' })],
  ['L-302', 'No code', () => ({})],
  ['L-303', 'The code null', () => ({ code: null })],
  ['L-304', 'The code is a list', (bench) => ({ code: [bench.random.alphanumeric(32, 'c')] })],
  ['L-305', 'The code is an object', () => ({ code: { $ne: '' } })],
  ['L-306', 'A code of 10 kB', () => ({ code: 'x'.repeat(10_000) })],
  ['L-307', 'An openid instead of a code', (bench) => ({ openid: `o${bench.random.urlSafe(27, 'victim')}` })],
  ['L-308', 'No JSON', () => '{"code":'],
  ['L-309', 'An empty body', () => ''],
  ['L-310', 'A body of 5 MB', () => ({ code: 'x'.repeat(5 << 20) })],
  ['L-311', 'A code with line feeds', () => ({ code: 'a\r\nHost: evil' })],
  ['L-312', 'The body null', () => 'null'],
]

const INPUTS: readonly Case[] = [
  ...BODIES.map(([id, title, body]) =>
    row(
      id,
      'security',
      title,
      'What is no code lets nobody in, and breaks nothing.',
      INPUT,
      keptOut((bench) => post(bench, body(bench))),
    ),
  ),
  row(
    'L-320',
    'security',
    'A code with parameters in it',
    'A code cannot add parameters to the call to WeChat: another appid, another secret.',
    'Encode the code, or build the query with a library.',
    play(
      ['login', 'acks'],
      [
        ['PASS', 'it is refused, or sent on as one parameter'],
        ['FAIL', 'its parts reach WeChat as parameters of their own'],
      ],
      async (bench) => {
        const since = bench.world.journal.cursor()
        const answer = await post(bench, { code: `${codeOf(bench)}&card_extra=1` })
        const calls = bench.world.journal.entries({ since, direction: 'in' })
        if (calls.some(({ request }) => request.url.includes('&card_extra='))) {
          fail('a part of the code reached WeChat as a parameter of its own')
        }
        if (isIn(answer)) fail('it was let in')
      },
    ),
  ),
]

const WECHAT: readonly Case[] = [
  row(
    'L-401',
    'availability',
    'WeChat does not answer',
    'The user is told within 15 s.',
    LIMIT,
    keptOut((bench) => during(bench, { kind: 'hang' }, 15_000), { server: true }),
  ),
  row(
    'L-402',
    'availability',
    'HTTP 500 from WeChat',
    'The user is told, and nobody is let in.',
    LIMIT,
    keptOut((bench) => during(bench, { kind: 'http', status: 500, body: '' }), { server: true }),
  ),
  row(
    'L-403',
    'availability',
    'An HTML page from WeChat, with HTTP 200',
    'The user is told, and nobody is let in.',
    'Parse with care: what is no JSON is an error.',
    keptOut((bench) => during(bench, { kind: 'html_page', status: 200 }), { server: true }),
  ),
  row(
    'L-404',
    'availability',
    'Half of an answer from WeChat',
    'The user is told, and nobody is let in.',
    'Parse with care: what is no JSON is an error.',
    keptOut((bench) => during(bench, { kind: 'truncate' }), { server: true }),
  ),
  row(
    'L-405',
    'availability',
    'The connection to WeChat breaks',
    'The user is told, or the call repeated.',
    LIMIT,
    keptOut((bench) => during(bench, { kind: 'reset', when: 'before' }), { server: true }),
  ),
  row(
    'L-406',
    'availability',
    'The answer of WeChat is lost',
    'The code is used up: the user has to log in again.',
    LIMIT,
    keptOut((bench) => during(bench, { kind: 'reset', when: 'after' }), { server: true }),
  ),
  row(
    'L-407',
    'security',
    'An answer of WeChat without openid',
    'Without an openid nobody is let in: not as "undefined".',
    'Require openid before you make a session.',
    keptOut(
      (bench) => during(bench, { kind: 'http', status: 200, body: '{"session_key":"AAAAAAAAAAAAAAAAAAAAAA=="}' }),
      { server: true },
    ),
  ),
  row(
    'L-408',
    'security',
    'An answer of WeChat that is {}',
    'Without an openid nobody is let in.',
    'Require openid before you make a session.',
    keptOut((bench) => during(bench, { kind: 'http', status: 200, body: '{}' }), { server: true }),
  ),
  row(
    'L-409',
    'availability',
    'One login waits for WeChat, others go on',
    'A slow login holds up no other.',
    'Do not hold a lock or a worker while you wait for WeChat.',
    play(
      ['login', 'acks'],
      [
        ['PASS', 'the other is let in meanwhile'],
        ['FAIL', 'it waits'],
      ],
      async (bench) => {
        const { world } = bench
        const fault = world.fault('jscode2session', { kind: 'delay', ms: 2500, when: 'after' })
        const slow = post(bench, { code: codeOf(bench, 'slow') })
        await askUntil(
          async () => fault.hits,
          (hits) => hits > 0,
          5000,
        )
        const other = await post(bench, { code: codeOf(bench, 'other') }, 2000)
        await slow
        fault.remove()
        if (!isIn(other)) fail(`the other login: ${other.reason}`)
      },
    ),
  ),
]

/** The suite for a route that logs in with a code of wx.login. */
export const LOGIN: Suite = {
  id: 'login@1',
  version: 'login',
  canary: async (bench) => {
    const answer = await post(bench, { code: codeOf(bench, `canary${bench.world.journal.cursor()}`) })
    if (answer.status === 0) fail(answer.reason)
    if (bench.has('acks') && !isIn(answer)) {
      fail(`a good code is answered with HTTP ${answer.status}: ${answer.body.slice(0, 200)}`)
    }
  },
  chapters: [
    { name: 'Baseline', cases: BASELINE },
    { name: 'Codes', cases: CODES },
    { name: 'Input', cases: INPUTS },
    { name: 'WeChat at fault', cases: WECHAT },
  ],
}
