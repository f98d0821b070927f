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

/** A code of a new user, as wx.login returns it. */
export const codeOf = (bench: Bench, name = 'user', more: { unionid?: string; ttl?: number } = {}) =>
  bench.world.loginCode({ openid: `o${bench.random.urlSafe(27, name)}`, ...more }).code

/** Checks that no answer of the case contains what only the server may know. */
export function keepsSecrets(bench: Bench): void {
  const { world } = bench
  const secrets: [string, string][] = [
    ['the AppSecret', world.credentials.appSecret],
    ...world.users().map(({ sessionKey }): [string, string] => ['a session_key', sessionKey]),
  ]
  for (const { body } of bench.answers()) {
    const text = body.replaceAll('\\/', '/')
    const found = secrets.find(([, secret]) => secret !== '' && text.includes(secret))
    if (found) fail(`the answer contains ${found[0]}`)
    if (/"session_?key"/i.test(text)) fail('the answer has a member session_key')
  }
}

/** The backend lets the user in, and no secret leaves the server. */
export const letIn = (run: (bench: Bench) => Promise<Answer>): Play => ({
  genuine: true,
  ...play(
    ['login', 'acks'],
    [
      ['PASS', 'the backend answers HTTP 2xx, without session_key or AppSecret'],
      ['FAIL', 'the backend keeps the user out, or the answer contains a secret'],
    ],
    async (bench) => {
      const answer = await run(bench)
      keepsSecrets(bench)
      if (!isIn(answer)) fail(`the backend answered HTTP ${answer.status}: ${answer.body.slice(0, 200)}`)
    },
  ),
})

interface Refusal {
  /** HTTP 5xx is right too: WeChat or the configuration is at fault. */
  readonly server?: true
  readonly limitMs?: number
}

/** The backend lets nobody in; the next login works. */
export const keptOut = (run: (bench: Bench) => Promise<Answer>, { server }: Refusal = {}): Play =>
  play(
    ['login', 'acks'],
    [
      ['PASS', server ? 'the backend answers HTTP 4xx or 5xx' : 'the backend answers HTTP 4xx'],
      ...(server ? [] : ([['LAX', 'the backend answers HTTP 5xx: the client is at fault, not the server']] as const)),
      ['FAIL', 'the backend lets somebody in, does not answer, or reveals a secret'],
    ],
    async (bench) => {
      const answer = await run(bench)
      keepsSecrets(bench)
      if (answer.status === 0) fail(`no answer: ${answer.reason}`)
      if (isIn(answer)) fail(`the backend answered HTTP ${answer.status}: ${answer.body.slice(0, 200)}`)
      if (answer.status < 400) bench.lax(`the backend answered HTTP ${answer.status}`)
      if (answer.status >= 500 && !server) {
        bench.lax(`the backend answered HTTP ${answer.status}: the client is at fault`)
      }
    },
  )

/** Sends a valid code while WeChat behaves like this. */
export async function during(bench: Bench, effect: EffectOf<'jscode2session'>, limitMs?: number): Promise<Answer> {
  const fault = bench.world.fault('jscode2session', effect, { times: 'always', name: bench.id })
  try {
    return await post(bench, { code: codeOf(bench) }, limitMs)
  } finally {
    fault.remove()
  }
}
