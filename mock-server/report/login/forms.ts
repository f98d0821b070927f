import type { EffectOf } from '../../faults/effects.ts'
import type { Answer, Bench } from '../parts/bench.ts'
import { fail, play } from '../plays.ts'
import type { Play } from '../case.ts'

/** A POST to the login route. */
export const post = (bench: Bench, body: unknown, limitMs?: number): Promise<Answer> =>
  bench.send(
    {
      url: bench.loginUrl,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    },
    limitMs,
  )

export const isIn = ({ status }: Answer) => status >= 200 && status < 300

/** A code as wx.login gives it, of a new user. */
export const codeOf = (bench: Bench, name = 'user', more: { unionid?: string; ttl?: number } = {}) =>
  bench.world.loginCode({ openid: `o${bench.random.urlSafe(27, name)}`, ...more }).code

/** No answer of the case holds what only the server may know. */
export function keepsSecrets(bench: Bench): void {
  const { world } = bench
  const secrets: [string, string][] = [
    ['the AppSecret', world.credentials.appSecret],
    ...world.users().map(({ sessionKey }): [string, string] => ['a session_key', sessionKey]),
  ]
  for (const { body } of bench.answers()) {
    const text = body.replaceAll('\\/', '/')
    const found = secrets.find(([, secret]) => secret !== '' && text.includes(secret))
    if (found) fail(`the answer holds ${found[0]}`)
    if (/"session_?key"/i.test(text)) fail('the answer has a member session_key')
  }
}

/** The user is let in, and no secret leaves the server. */
export const letIn = (run: (bench: Bench) => Promise<Answer>): Play => ({
  genuine: true,
  ...play(
    ['login', 'acks'],
    [
      ['PASS', 'HTTP 2xx, without session_key and AppSecret'],
      ['FAIL', 'the user is kept out, or a secret is in the answer'],
    ],
    async (bench) => {
      const answer = await run(bench)
      keepsSecrets(bench)
      if (!isIn(answer)) fail(`HTTP ${answer.status}: ${answer.body.slice(0, 200)}`)
    },
  ),
})

interface Refusal {
  /** HTTP 5xx is right as well: WeChat or the configuration is at fault. */
  readonly server?: true
  readonly limitMs?: number
}

/** Nobody is let in; the next login works. */
export const keptOut = (run: (bench: Bench) => Promise<Answer>, { server }: Refusal = {}): Play =>
  play(
    ['login', 'acks'],
    [
      ['PASS', server ? 'HTTP 4xx or 5xx' : 'HTTP 4xx'],
      ...(server ? [] : ([['LAX', 'HTTP 5xx: the client is at fault, not the server']] as const)),
      ['FAIL', 'somebody is let in, there is no answer, or a secret is in it'],
    ],
    async (bench) => {
      const answer = await run(bench)
      keepsSecrets(bench)
      if (answer.status === 0) fail(`no answer: ${answer.reason}`)
      if (isIn(answer)) fail(`HTTP ${answer.status}: ${answer.body.slice(0, 200)}`)
      if (answer.status < 400) bench.lax(`HTTP ${answer.status}`)
      if (answer.status >= 500 && !server) bench.lax(`HTTP ${answer.status}: the client is at fault`)
    },
  )

/** A good code, while WeChat behaves like this. */
export async function during(bench: Bench, effect: EffectOf<'jscode2session'>, limitMs?: number): Promise<Answer> {
  const fault = bench.world.fault('jscode2session', effect, { times: 'always', name: bench.id })
  try {
    return await post(bench, { code: codeOf(bench) }, limitMs)
  } finally {
    fault.remove()
  }
}
