import { InvalidArgumentError, Option, type Command } from 'commander'
import type { ClockMode } from '../clock.ts'
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

async function serve ({ port, host, clock, seed, schedule, ackTimeout, maxJournal, strict = false, json, quiet }: ServeOptions, command: Command): Promise<void> {
  const log = quiet ? () => {} : (line: string) => { process.stderr.write(`${line}\n`) }
  const world = { clock, schedule, ackTimeoutMs: ackTimeout, ...(seed !== undefined && { seed }) }
  let mock: MockWechat
  try {
    mock = await createMockWechat({ host, port, world, log, defaults: { maxJournal, strict } })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
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
    .addOption(option('--max-journal <n>', 'how many exchanges a world remembers').env('WECHAT_MOCK_MAX_JOURNAL').default(5000).argParser(whole(1, 1_000_000)))
    .addOption(option('--strict', 'refuse what production may not like, instead of only saying so').env('WECHAT_MOCK_STRICT'))
    .addOption(option('--json', 'first line on stdout: url, controlUrl, world, appid, appSecret, mchId, apiKey').env('WECHAT_MOCK_JSON'))
    .addOption(option('--quiet', 'no banner and no log').env('WECHAT_MOCK_QUIET'))
    .action((options: ServeOptions, self: Command) => serve(options, self))
  program.addHelpText('after', () => `\n${command.helpInformation()}`)
}
