import { readFileSync } from 'node:fs'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { ClockMode } from '../clock.ts'
import type { CertMode } from '../core.ts'
import { parseDuration } from '../duration.ts'
import { MockError } from '../errors.ts'
import { createMockWechat, type MockWechat } from '../mock.ts'
import type { Schedule } from '../notifier.ts'

interface ServeOptions {
  readonly port: number
  readonly host: string
  readonly clock: ClockMode
  readonly seed?: string
  readonly schedule: Schedule
  readonly ackTimeout: number
  readonly maxJournal: number
  readonly strict?: boolean
  readonly refundDelay?: number | 'never'
  readonly cert?: string
  readonly key?: string
  readonly clientCa?: string
  readonly certMode: CertMode
  readonly json?: true
  readonly quiet?: true
}

/** Below the ephemeral range, so that no outgoing connection takes it first. */
const DEFAULT_PORT = 8090

const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  return value
}

function parseSchedule (text: string): Schedule {
  if (text === 'current' || text === 'legacy') return text
  if (!/^\d+(,\d+)*$/.test(text)) throw new InvalidArgumentError('It must be current, legacy or gaps in seconds such as 15,15,30.')
  return text.split(',').map(Number)
}

function parseDelay (text: string): number | 'never' {
  if (text === 'never') return text
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError('It must be never, or a duration such as 20m or 5s.')
  }
}

function readPem (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

function banner ({ url, controlUrl, default: { clock, credentials } }: MockWechat): string {
  const { appid, appSecret, mchId, apiKey } = credentials
  return [
    `WeChat mock at ${url} on the ${clock.mode} clock; control at ${controlUrl}`,
    'Use it as api.weixin.qq.com and api.mch.weixin.qq.com, with the credentials of the world "default":',
    '',
    `WECHAT_BASE_URL=${url}`,
    `WECHAT_APPID=${appid}`,
    `WECHAT_APP_SECRET=${appSecret}`,
    `WECHAT_MCH_ID=${mchId}`,
    `WECHAT_API_KEY=${apiKey}`,
    ''
  ].join('\n')
}

async function serve ({ port, host, clock, seed, schedule, ackTimeout, maxJournal, strict = false, refundDelay, cert, key, clientCa, certMode, json, quiet }: ServeOptions, command: Command): Promise<void> {
  if ((cert ?? key) !== undefined && (cert === undefined || key === undefined)) return command.error('--cert and --key belong together: the certificate of the mock and its key')
  const log = quiet ? () => {} : (line: string) => { process.stderr.write(`${line}\n`) }
  const world = { clock, schedule, ackTimeoutMs: ackTimeout, certMode, ...(seed !== undefined && { seed }), ...(refundDelay !== undefined && { refundDelay }) }
  const tls = cert !== undefined && key !== undefined && { tls: { cert, key, ...(clientCa !== undefined && { ca: clientCa }) } }
  let mock: MockWechat
  try {
    mock = await createMockWechat({ host, port, world, log, defaults: { maxJournal, strict }, ...tls })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof MockError) return command.error(message)
    return command.error(code === 'EADDRINUSE'
      ? `port ${port} of ${host} is taken; choose another one (wechat-mock --port 0 takes any that is free)`
      : `cannot listen on ${host} port ${port}: ${message}`)
  }
  // Before the first line is out: whoever reads it may end the mock at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => mock.close())
  const { url, controlUrl, default: { id, credentials } } = mock
  if (json) process.stdout.write(`${JSON.stringify({ url, controlUrl, world: id, ...credentials })}\n`)
  else if (!quiet) process.stdout.write(`${banner(mock)}\n`)
}

/** `wechat-mock serve`, which is also what `wechat-mock` alone does. */
export function addServe (program: Command): void {
  const option = (flags: string, text: string) => new Option(flags, text)
  const command = program.command('serve', { isDefault: true })
    .description('run the mock until SIGINT or SIGTERM')
    .addOption(option('--port <port>', '0 takes any free port').env('WECHAT_MOCK_PORT').default(DEFAULT_PORT).argParser(whole(0, 65_535)))
    .addOption(option('--host <host>', 'address to listen on').env('WECHAT_MOCK_HOST').default('127.0.0.1'))
    .addOption(option('--clock <mode>', 'real: retries come by themselves; virtual: when the clock is advanced').env('WECHAT_MOCK_CLOCK').choices(['real', 'virtual']).default('real'))
    .addOption(option('--seed <seed>', 'the same seed gives the same credentials and ids').env('WECHAT_MOCK_SEED'))
    .addOption(option('--schedule <schedule>', 'retry gaps: current, legacy or seconds such as 15,15,30').env('WECHAT_MOCK_SCHEDULE').default('current').argParser(parseSchedule))
    .addOption(option('--ack-timeout <ms>', 'real milliseconds a notify handler may take').env('WECHAT_MOCK_ACK_TIMEOUT').default(5000).argParser(whole(1, 3_600_000)))
    .addOption(option('--max-journal <n>', 'how many exchanges, deliveries and finished orders a world remembers').env('WECHAT_MOCK_MAX_JOURNAL').default(5000).argParser(whole(1, 1_000_000)))
    .addOption(option('--strict', 'refuse what production may not like, instead of only saying so').env('WECHAT_MOCK_STRICT'))
    .addOption(option('--refund-delay <duration>', 'after how long a refund succeeds by itself, or never; default 5s on the real clock, never on the virtual one').env('WECHAT_MOCK_REFUND_DELAY').argParser(parseDelay))
    .addOption(option('--cert <file>', 'PEM certificate of the mock: with --key it is reached by https').env('WECHAT_MOCK_CERT').argParser(readPem))
    .addOption(option('--key <file>', 'PEM key of the certificate').env('WECHAT_MOCK_KEY').argParser(readPem))
    .addOption(option('--client-ca <file>', 'PEM authority of the merchant\'s certificate; default: any of the right name').env('WECHAT_MOCK_CLIENT_CA').argParser(readPem))
    .addOption(option('--cert-mode <mode>', 'whether refunds ask for the merchant\'s certificate').env('WECHAT_MOCK_CERT_MODE').choices(['none', 'required']).default('none'))
    .addOption(option('--json', 'first line on stdout: url, controlUrl, world, appid, appSecret, mchId, apiKey').env('WECHAT_MOCK_JSON'))
    .addOption(option('--quiet', 'no banner and no log').env('WECHAT_MOCK_QUIET'))
    .action((options: ServeOptions, self: Command) => serve(options, self))
  program.addHelpText('after', () => `\n${command.helpInformation()}`)
}
