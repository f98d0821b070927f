import type { EffectOf } from '../../faults/effects.ts'
import type { Case, Suite } from '../case.ts'
import type { Bench } from '../parts/bench.ts'
import { askUntil } from '../parts/merchant.ts'
import { row } from '../parts/row.ts'
import { fail, info, play } from '../plays.ts'
import { codeOf, during, isIn, keepsSecrets, keptOut, letIn, post } from './forms.ts'

const DOC = 'developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html'
const ERRCODE = 'Check errcode, not the HTTP status: jscode2session refuses with HTTP 200.'
const SECRET = 'Keep session_key on the server. Give the client a token of your own.'
const INPUT = 'Accept a code only if it is text of about 32 characters. Encode it before you send it on.'
const LIMIT = 'Set a time limit of a few seconds for the call to WeChat. Answer 502 or 503 when it fails.'

const BASELINE: readonly Case[] = [
  row(
    'L-101',
    'security',
    'A valid code',
    'A code from wx.login lets its user in.',
    'Compare AppID and AppSecret: wechat-mock doctor shows what differs.',
    letIn((bench) => post(bench, { code: codeOf(bench) })),
    { quick: true, source: DOC },
  ),
  row(
    'L-102',
    'security',
    'The session_key stays on the server',
    'No answer contains session_key or AppSecret.',
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
    'WeChat sends unionid only for apps bound to an Open Platform account.',
    'Do not require unionid.',
    letIn((bench) => post(bench, { code: codeOf(bench) })),
    { source: DOC },
  ),
  row(
    'L-104',
    'availability',
    'With a unionid',
    'WeChat may send unionid.',
    'Store unionid or ignore it.',
    letIn((bench) => post(bench, { code: codeOf(bench, 'u', { unionid: bench.random.urlSafe(28, 'unionid') }) })),
    { source: DOC },
  ),
  row(
    'L-105',
    'availability',
    'The same user again',
    'A user may log in as often as they like.',
    'Update the existing user.',
    letIn(async (bench) => {
      await post(bench, { code: codeOf(bench, 'again') })
      return post(bench, { code: codeOf(bench, 'again') })
    }),
  ),
  row(
    'L-106',
    'availability',
    'Twenty users at once',
    'The backend lets each of them in.',
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
    'If WeChat refuses, the backend lets nobody in, although the HTTP status is 200.',
    ERRCODE,
    keptOut((bench) => during(bench, { kind: 'errcode', errcode: code as ErrCode }), server ? { server } : {}),
    { source: DOC, ...(code === 40029 && { quick: true as const }) },
  )

const CODES: readonly Case[] = [
  row(
    'L-201',
    'security',
    'A code used twice',
    'A code works once: if WeChat refuses it, the backend lets nobody in. For a double tap, it may repeat the first answer.',
    ERRCODE,
    play(
      ['login', 'acks'],
      [
        ['PASS', 'the backend refuses the second login'],
        ['INFO', 'the backend lets the second login in: sound only if it repeats the first answer, for a few seconds'],
        ['FAIL', 'no answer comes'],
      ],
      async (bench) => {
        const code = codeOf(bench)
        await post(bench, { code })
        const second = await post(bench, { code })
        keepsSecrets(bench)
        if (second.status === 0) fail('no answer')
        if (isIn(second)) info('the backend let the second login in')
      },
    ),
    {
      quick: true,
      source: DOC,
      why: 'A cache of a few seconds is sound, so nobody can call a second login wrong from outside.',
    },
  ),
  row(
    'L-202',
    'security',
    'A made-up code',
    'A made-up code lets nobody in.',
    ERRCODE,
    keptOut((bench) => post(bench, { code: bench.random.alphanumeric(32, 'code') })),
    { quick: true, source: DOC },
  ),
  row(
    'L-203',
    'security',
    'An expired code',
    'A code is valid for five minutes.',
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

/** Bodies that no app sends, but anybody can. */
const BODIES: readonly [id: string, title: string, body: (bench: Bench) => unknown][] = [
  ['L-301', 'An empty code', () => ({ code: '' })],
  ['L-302', 'No code', () => ({})],
  ['L-303', 'The code null', () => ({ code: null })],
  ['L-304', 'The code is a list', (bench) => ({ code: [bench.random.alphanumeric(32, 'c')] })],
  ['L-305', 'The code is an object', () => ({ code: { $ne: '' } })],
  ['L-306', 'A code of 10 kB', () => ({ code: 'x'.repeat(10_000) })],
  ['L-307', 'An openid instead of a code', (bench) => ({ openid: `o${bench.random.urlSafe(27, 'victim')}` })],
  ['L-308', 'Invalid JSON', () => '{"code":'],
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
      'Anything but a code lets nobody in and breaks nothing.',
      INPUT,
      keptOut((bench) => post(bench, body(bench))),
    ),
  ),
  row(
    'L-320',
    'security',
    'A code that contains parameters',
    'A code must not add parameters to the call to WeChat, such as another appid or secret.',
    'Encode the code, or build the query with a library.',
    play(
      ['login', 'acks'],
      [
        ['PASS', 'the backend refuses it, or sends it on as one parameter'],
        ['FAIL', 'parts of it reach WeChat as separate parameters'],
      ],
      async (bench) => {
        const since = bench.world.journal.cursor()
        const answer = await post(bench, { code: `${codeOf(bench)}&card_extra=1` })
        const calls = bench.world.journal.entries({ since, direction: 'in' })
        if (calls.some(({ request }) => request.url.includes('&card_extra='))) {
          fail('part of the code reached WeChat as a separate parameter')
        }
        if (isIn(answer)) fail('the backend let it in')
      },
    ),
  ),
]

const WECHAT: readonly Case[] = [
  row(
    'L-401',
    'availability',
    'WeChat does not answer',
    'The user gets an error within 15 s.',
    LIMIT,
    keptOut((bench) => during(bench, { kind: 'hang' }, 15_000), { server: true }),
  ),
  row(
    'L-402',
    'availability',
    'HTTP 500 from WeChat',
    'The user gets an error, and nobody gets in.',
    LIMIT,
    keptOut((bench) => during(bench, { kind: 'http', status: 500, body: '' }), { server: true }),
  ),
  row(
    'L-403',
    'availability',
    'An HTML page from WeChat, with HTTP 200',
    'The user gets an error, and nobody gets in.',
    'Parse with care: anything but JSON is an error.',
    keptOut((bench) => during(bench, { kind: 'html_page', status: 200 }), { server: true }),
  ),
  row(
    'L-404',
    'availability',
    'Half an answer from WeChat',
    'The user gets an error, and nobody gets in.',
    'Parse with care: anything but JSON is an error.',
    keptOut((bench) => during(bench, { kind: 'truncate' }), { server: true }),
  ),
  row(
    'L-405',
    'availability',
    'The connection to WeChat breaks',
    'The backend repeats the call, or the user gets an error.',
    LIMIT,
    keptOut((bench) => during(bench, { kind: 'reset', when: 'before' }), { server: true }),
  ),
  row(
    'L-406',
    'availability',
    "WeChat's answer is lost",
    'The code is used up, so the user must log in again.',
    LIMIT,
    keptOut((bench) => during(bench, { kind: 'reset', when: 'after' }), { server: true }),
  ),
  row(
    'L-407',
    'security',
    'An answer from WeChat without openid',
    'Without an openid the backend lets nobody in, not even as "undefined".',
    'Require openid before you create a session.',
    keptOut(
      (bench) => during(bench, { kind: 'http', status: 200, body: '{"session_key":"AAAAAAAAAAAAAAAAAAAAAA=="}' }),
      { server: true },
    ),
  ),
  row(
    'L-408',
    'security',
    'The answer {} from WeChat',
    'Without an openid the backend lets nobody in.',
    'Require openid before you create a session.',
    keptOut((bench) => during(bench, { kind: 'http', status: 200, body: '{}' }), { server: true }),
  ),
  row(
    'L-409',
    'availability',
    'One login waits for WeChat, others continue',
    'A slow login must not hold up others.',
    'Do not hold a lock or a worker while you wait for WeChat.',
    play(
      ['login', 'acks'],
      [
        ['PASS', 'the backend lets the other user in meanwhile'],
        ['FAIL', 'the other user waits'],
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
        if (!isIn(other)) fail(`the backend did not let the other user in: ${other.reason}`)
      },
    ),
  ),
]

/** The suite for a route that logs a user in with a code from wx.login. */
export const LOGIN: Suite = {
  id: 'login@1',
  version: 'login',
  canary: async (bench) => {
    const answer = await post(bench, { code: codeOf(bench, `canary${bench.world.journal.cursor()}`) })
    if (answer.status === 0) fail(answer.reason)
    if (bench.has('acks') && !isIn(answer)) {
      fail(`the backend answers a valid code with HTTP ${answer.status}: ${answer.body.slice(0, 200)}`)
    }
  },
  chapters: [
    { name: 'Baseline', cases: BASELINE },
    { name: 'Codes', cases: CODES },
    { name: 'Input', cases: INPUTS },
    { name: 'WeChat fails', cases: WECHAT },
  ],
}
