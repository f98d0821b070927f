import { exec } from 'node:child_process'
import { text as stream } from 'node:stream/consumers'
import { nativeElapsed, nativeSetTimeout } from '../../base/real-time.ts'
import { shoot } from './shoot.ts'

/** What a backend reports about an order. */
export interface OrderWord {
  readonly paid: boolean
  /** How often goods went out: the number that matters. */
  readonly fulfilments: number
  /** In fen, if the probe reports it. */
  readonly amount?: number
  readonly transactionId?: string
  /** How many refunds are booked, if the probe reports it. */
  readonly refunds?: number
}

export type Values = Readonly<Record<string, string>>

/** A failed step is the runner's problem, not a verdict on the backend. */
export class StepError extends Error {}

const STEP_LIMIT_MS = 30_000

/** Fills `{name}` in a URL template. */
const filled = (template: string, values: Values) =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    values[name] === undefined ? whole : encodeURIComponent(values[name]),
  )

/** The parts of a URL template: the method, if it names one, and the address. */
export function stepOf(template: string): { given: string | undefined; address: string } {
  const [, given, address = ''] = /^(?:(GET|POST) )?(.*)$/s.exec(template)!
  return { given, address }
}

/** Calls a URL template. A template may begin with its method: `GET http…`. */
async function callUrl(template: string, values: Values, method: 'GET' | 'POST', limitMs: number): Promise<string> {
  const { given = method, address } = stepOf(template)
  const url = filled(address, values)
  const exchange = await shoot({ url, method: given, headers: { accept: 'application/json' }, body: '' }, limitMs)
  if (!('reply' in exchange)) {
    const why = 'error' in exchange ? exchange.error.message : `no answer in ${limitMs / 1000} s`
    throw new StepError(`${url} does not answer: ${why}`)
  }
  const { status, body } = exchange.reply
  if (status >= 300) throw new StepError(`${url} answers HTTP ${status}: ${body.slice(0, 200)}`)
  return body
}

/** Runs a shell command. Its environment holds the values, under names in capitals. */
export async function runCommand(command: string, values: Values): Promise<string> {
  const env = Object.fromEntries(Object.entries(values).map(([name, value]) => [name.toUpperCase(), value]))
  const child = exec(command, { env: { ...process.env, ...env }, timeout: STEP_LIMIT_MS })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, err, code] = await Promise.all([stream(child.stdout!), stream(child.stderr!), ended])
  if (code !== 0) throw new StepError(`${command} ended with ${code}: ${(err || out).slice(0, 200)}`)
  return out
}

/** Asks the backend to do something. */
export type Ask = (values: Values) => Promise<unknown>

/** Asks through a URL template or a shell command; undefined if neither is given. */
export function askBy(
  url: string | undefined,
  command: string | undefined,
  method: 'GET' | 'POST',
  limitMs = STEP_LIMIT_MS,
): ((values: Values) => Promise<string>) | undefined {
  if (url !== undefined) return (values) => callUrl(url, values, method, limitMs)
  return command === undefined ? undefined : (values) => runCommand(command, values)
}

/** Reads the answer of a probe: a number, or JSON. */
export function readWord(told: string): OrderWord {
  const text = told.trim()
  if (/^\d+$/.test(text)) return { paid: Number(text) > 0, fulfilments: Number(text) }
  let json: Record<string, unknown>
  try {
    json = JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new StepError(
      `the probe must answer a number or JSON such as {"paid":true,"fulfilments":1}; got ${text.slice(0, 200)}`,
    )
  }
  const { paid, fulfilments, amount, transaction_id: transactionId, refunds } = json
  if (typeof fulfilments !== 'number') {
    throw new StepError(`the probe must answer with the number of fulfilments; got ${text.slice(0, 200)}`)
  }
  return {
    fulfilments,
    paid: typeof paid === 'boolean' ? paid : fulfilments > 0,
    ...(typeof amount === 'number' && { amount }),
    ...(typeof transactionId === 'string' && { transactionId }),
    ...(typeof refunds === 'number' && { refunds }),
  }
}

export const pauseFor = (ms: number) =>
  new Promise<void>((resolve) => {
    nativeSetTimeout(resolve, ms)
  })

/** Asks again until `done`, for at most `limitMs`, and returns the last answer. */
export async function askUntil<T>(ask: () => Promise<T>, done: (word: T) => boolean, limitMs: number): Promise<T> {
  const started = nativeElapsed()
  let word = await ask()
  for (let pause = 5; !done(word) && nativeElapsed() - started < limitMs; pause = Math.min(pause * 2, 200)) {
    await pauseFor(pause)
    word = await ask()
  }
  return word
}
