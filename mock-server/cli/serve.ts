import { rmSync, writeFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { MockError } from '../base/errors.ts'
import type { ClockMode } from '../clock/clock.ts'
import { wholeEnvironment } from '../control/environment.ts'
import type { CertMode } from '../ledger/merchant.ts'
import type { AnySchedule } from '../notify/schedule.ts'
import { createMockWechat, type MockWechat } from '../server/mock.ts'
import { duration, durationOrNever, list, moment, name, schedule, text, whole } from './arguments.ts'
import { banner } from './banner.ts'
import { DEFAULT_PORT, type Output } from './commands.ts'
import { inContainer, isLoopback, shellLines } from './environment.ts'

interface ServeOptions {
  readonly port: number
  readonly host: string
  readonly controlPort?: number
  readonly allowHost?: readonly string[]
  readonly allowNotifyHost?: readonly string[]
  readonly tlsSkipVerify?: true
  readonly config?: string
  readonly world: string
  readonly clock: ClockMode
  readonly startTime?: Date
  readonly seed?: string
  readonly schedule: AnySchedule
  readonly ackTimeout: number
  readonly maxJournal: number
  readonly strict?: boolean
  readonly autoPay?: number | true
  readonly refundDelay?: number | 'never'
  readonly settleUrl?: string
  readonly https?: true
  readonly cert?: string
  readonly key?: string
  readonly clientCa?: string
  readonly certMode: CertMode
  readonly readyFile?: string
  readonly printEnv?: true
  readonly json?: true
  readonly quiet?: true
}

function readConfig(path: string): Record<string, unknown> {
  const config: unknown = JSON.parse(text(path))
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new InvalidArgumentError(`It must be an object of flags; got ${JSON.stringify(config)}`)
  }
  return config as Record<string, unknown>
}

function setFlag(command: Command, key: string, value: unknown): void {
  const option = command.options.find((option) => option.attributeName() === key)
  if (!option || key === 'config') {
    throw new InvalidArgumentError(
      `there is no ${key}; known: ${command.options.map((option) => option.attributeName()).join(', ')}`,
    )
  }
  if (['cli', 'env'].includes(command.getOptionValueSource(key)!)) return
  const flag = option.isBoolean() || (option.optional && typeof value === 'boolean')
  if (flag && typeof value !== 'boolean') throw new InvalidArgumentError(`${key}: It must be true or false.`)
  try {
    command.setOptionValueWithSource(
      key,
      flag || !option.parseArg
        ? value
        : option.parseArg(
            typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value),
            undefined,
          ),
      'config',
    )
  } catch (error) {
    throw new InvalidArgumentError(`${key}: ${(error as Error).message}`)
  }
}

/** Reads what neither a flag nor a variable has said from a file: an object of flags by their names in camelCase. */
function configure(command: Command, path: string): void {
  try {
    for (const [key, value] of Object.entries(readConfig(path))) setFlag(command, key, value)
  } catch (error) {
    command.error(`error: the configuration file ${path}: ${(error as Error).message}`)
  }
}

async function serve(command: Command, { out, err }: Output): Promise<void> {
  const { config } = command.opts<ServeOptions>()
  if (config !== undefined) configure(command, config)
  const {
    port,
    host,
    controlPort,
    allowHost = [],
    allowNotifyHost,
    tlsSkipVerify = false,
    world: id,
    clock,
    startTime,
    seed,
    schedule,
    ackTimeout,
    maxJournal,
    strict = false,
    autoPay,
    refundDelay,
    settleUrl,
    https,
    cert,
    key,
    clientCa,
    certMode,
    readyFile,
    printEnv,
    json,
    quiet,
  } = command.opts<ServeOptions>()
  if ((cert ?? key ?? https) !== undefined && (cert === undefined || key === undefined)) {
    return command.error(
      'error: --cert and --key belong together, and --https needs them: the certificate of the mock and its key',
    )
  }
  const log = quiet ? () => {} : (line: string) => err(`${line}\n`)
  const world = {
    id,
    clock,
    schedule,
    ackTimeoutMs: ackTimeout,
    certMode,
    ...(startTime && { startTime }),
    ...(seed !== undefined && { seed }),
    ...(autoPay !== undefined && { autoPay: autoPay === true ? 0 : autoPay }),
    ...(refundDelay !== undefined && { refundDelay }),
    ...(settleUrl !== undefined && { settleUrl }),
  }
  let mock: MockWechat<unknown>
  try {
    mock = await createMockWechat({
      host,
      port,
      world,
      log,
      defaults: { maxJournal, strict },
      allowedHosts: allowHost,
      tlsSkipVerify,
      ...(controlPort !== undefined && { controlPort }),
      ...(allowNotifyHost && { notifyHosts: allowNotifyHost }),
      ...(cert !== undefined &&
        key !== undefined && { tls: { cert, key, ...(clientCa !== undefined && { ca: clientCa }) } }),
    })
  } catch (error) {
    const { code, message, port: taken = port } = error as NodeJS.ErrnoException & { port?: number }
    if (error instanceof MockError) return command.error(message)
    return command.error(
      code === 'EADDRINUSE'
        ? `port ${taken} of ${host} is taken; choose another one (wechat-mock --port 0 takes any that is free)`
        : `cannot listen on ${host} port ${taken}: ${message}`,
    )
  }
  // Before the first line is out: whoever reads it may end the mock at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      if (readyFile !== undefined) rmSync(readyFile, { force: true })
      // Whoever waits for something in the mock, with a time limit, must not keep the process until then.
      mock.close().finally(() => process.exit())
    })
  }
  const {
    url,
    controlUrl,
    default: { credentials },
  } = mock
  const identity = `${JSON.stringify({ url, controlUrl, world: id, ...credentials })}\n`
  try {
    if (readyFile !== undefined) writeFileSync(readyFile, identity)
  } catch (error) {
    await mock.close()
    return command.error(`--ready-file: ${(error as Error).message}`)
  }
  if (json) out(identity)
  else if (printEnv) out(shellLines(wholeEnvironment(url, controlUrl, id, credentials)))
  else if (!quiet) out(`${banner(mock, isLoopback(host) && inContainer())}\n`)
}

/** `wechat-mock serve`, which is also what `wechat-mock` alone does. */
export function addServe(program: Command, output: Output): void {
  const option = (flags: string, text: string) => {
    const made = new Option(flags, text)
    return made.env(`WECHAT_MOCK_${made.name().replaceAll('-', '_').toUpperCase()}`)
  }
  const command = program
    .command('serve', { isDefault: true })
    .description('run the mock until SIGINT or SIGTERM')
    .addOption(option('--port <port>', '0 takes any free port').default(DEFAULT_PORT).argParser(whole(0, 65_535)))
    .addOption(option('--host <host>', 'address to listen on').default('127.0.0.1'))
    .addOption(option('--control-port <port>', 'the control API on a port of its own').argParser(whole(0, 65_535)))
    .addOption(
      option(
        '--allow-host <names>',
        'more names by which the control API may be called, such as that of a compose service',
      ).argParser(list),
    )
    .addOption(
      option('--allow-notify-host <names>', 'the only hosts that notifications are sent to; default: any').argParser(
        list,
      ),
    )
    .addOption(option('--tls-skip-verify', 'take any certificate of a notify_url'))
    .addOption(
      option('--config <file>', 'JSON with these flags by their names in camelCase; a flag or a variable wins'),
    )
    .addOption(option('--world <id>', 'name of the first world').default('default').argParser(name))
    .addOption(
      option('--clock <mode>', 'real: retries come by themselves; virtual: when the clock is advanced')
        .choices(['real', 'virtual'])
        .default('real'),
    )
    .addOption(option('--start-time <time>', 'world time at the start; default: now').argParser(moment))
    .addOption(option('--seed <seed>', 'the same seed gives the same credentials and ids'))
    .addOption(
      option(
        '--schedule <schedule>',
        'retry gaps: current (2019), legacy, seconds such as 15,15,30, {"gaps":"current","immediate":false} for a first send after the first gap, or a file with them',
      )
        .default('current')
        .argParser(schedule),
    )
    .addOption(
      option('--ack-timeout <ms>', 'real milliseconds a notify handler may take')
        .default(5000)
        .argParser(whole(1, 3_600_000)),
    )
    .addOption(
      option('--max-journal <n>', 'how many exchanges, deliveries and finished orders a world remembers')
        .default(5000)
        .argParser(whole(1, 1_000_000)),
    )
    .addOption(option('--strict', 'refuse what production may not like, instead of only saying so'))
    .addOption(
      option('--auto-pay [delay]', 'each order is paid by itself, at once or after a duration').argParser(duration),
    )
    .addOption(
      option(
        '--refund-delay <duration>',
        'after how long a refund succeeds by itself, or never; default 5s on the real clock, never on the virtual one',
      ).argParser(durationOrNever),
    )
    .addOption(
      option('--settle-url <url>', 'an address of the app that answers when its work in the background is done'),
    )
    .addOption(option('--https', 'insist on https: start only with --cert and --key'))
    .addOption(
      option('--cert <file>', 'PEM certificate of the mock: with --key it is reached by https').argParser(text),
    )
    .addOption(option('--key <file>', 'PEM key of the certificate').argParser(text))
    .addOption(
      option(
        '--client-ca <file>',
        "PEM authority of the merchant's certificate; default: any of the right name",
      ).argParser(text),
    )
    .addOption(
      option('--cert-mode <mode>', "whether refunds ask for the merchant's certificate")
        .choices(['none', 'required'])
        .default('none'),
    )
    .addOption(
      option('--ready-file <file>', 'written when the mock answers, with the line of --json; removed at its end'),
    )
    .addOption(option('--print-env', 'print shell lines for the app instead of the banner'))
    .addOption(option('--json', 'first line on stdout: url, controlUrl, world, appid, appSecret, mchId, apiKey'))
    .addOption(option('--quiet', 'no banner and no log'))
    .allowExcessArguments()
    .action((_options: ServeOptions, self: Command) => {
      // It runs where no other command was named, so a word that is left over is one that nobody knows.
      const [word] = self.args
      if (word !== undefined) {
        return self.error(
          `error: unknown command '${word}'; there are ${program.commands.map((command) => command.name()).join(', ')}`,
        )
      }
      return serve(self, output)
    })
  program.addHelpText('after', () => `\n${command.helpInformation()}`)
}
