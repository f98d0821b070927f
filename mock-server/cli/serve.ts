import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { MockError } from '../base/errors.ts'
import { credentialsView, shellLines, wholeEnvironment } from '../ledger/environment.ts'
import { createMockWechat, type MockWechat } from '../server/mock.ts'
import { DURATION, OPTIONS, OR_NEVER, type Flag, type WorldOptions } from '../world/options.ts'
import { duration, durationOrNever, list, moment, name, schedule, text, whole } from './arguments.ts'
import { banner } from './banner.ts'
import { DEFAULT_PORT, type Output } from './commands.ts'
import { fromVariable, inContainer, isLoopback } from './environment.ts'

/** The flags that are not options of a world. */
interface ServeOptions {
  readonly port: number
  readonly host: string
  readonly controlPort?: number
  readonly allowHost?: readonly string[]
  readonly allowNotifyHost?: readonly string[]
  readonly appOrigin?: readonly string[]
  readonly tlsSkipVerify?: true
  readonly config?: string
  readonly https?: true
  readonly cert?: string
  readonly key?: string
  readonly clientCa?: string
  readonly readyFile?: string
  readonly printEnv?: true
  readonly json?: true
  readonly quiet?: true
}

type OptionName = keyof typeof OPTIONS

/** How the command line reads an option when its schema does not determine that. */
const READERS: { readonly [Name in OptionName]?: (text: string) => unknown } = { id: name, startTime: moment, schedule }

/** The flag of an option of a world, with its variable, its default and its rule. */
function flagOf(optionName: OptionName, { flags, text, default: standard }: Flag): Option {
  const { schema } = OPTIONS[optionName]
  const { type, enum: choices, minimum = 0, maximum } = schema
  const made = variable(new Option(flags, text))
  if (standard !== undefined) made.default(standard)
  const reader =
    READERS[optionName] ??
    (schema === DURATION ? duration : undefined) ??
    (schema === OR_NEVER ? durationOrNever : undefined) ??
    (type === 'integer' ? whole(minimum, maximum!) : undefined)
  if (choices) return made.choices(choices as string[])
  return reader ? made.argParser(reader) : made
}

const flagged = Object.entries(OPTIONS).flatMap(([name, { flag }]) =>
  flag ? [{ name: name as OptionName, ...flag }] : [],
)

/** The options that the flags set for the default world, and for every world. */
function worldOptions(command: Command): { readonly world: WorldOptions; readonly defaults: WorldOptions } {
  const values = command.opts<Readonly<Record<string, unknown>>>()
  const options = (everyWorld: true | undefined) =>
    Object.fromEntries(
      flagged.flatMap(({ name, flags, everyWorld: everywhere }) => {
        const value = values[new Option(flags).attributeName()]
        // An omitted duration stays undefined.
        const read = value === true && OPTIONS[name].schema === DURATION ? 0 : value
        return everywhere === everyWorld && read !== undefined ? [[name, read]] : []
      }),
    )
  return { world: options(undefined), defaults: options(true) }
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
      `unknown option ${key}; known: ${command.options.map((option) => option.attributeName()).join(', ')}`,
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

/** Reads values set by neither a flag nor a variable from a file: an object keyed by flag name in camelCase. */
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
    appOrigin = [],
    tlsSkipVerify = false,
    https,
    cert,
    key,
    clientCa,
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
  const { world, defaults } = worldOptions(command)
  // An application's database outlives the mock: the ids of its users and orders must not be reused for others.
  const { seed = randomBytes(4).toString('hex') } = world
  let mock: MockWechat
  try {
    mock = await createMockWechat({
      host,
      port,
      world: { ...world, seed },
      defaults: { ...defaults, seed },
      log,
      allowedHosts: allowHost,
      appOrigins: appOrigin,
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
  // Before the first line is printed: a process that reads it may stop the mock at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      if (readyFile !== undefined) rmSync(readyFile, { force: true })
      // A call waiting inside the mock with a time limit must not keep the process alive until then.
      mock.close().finally(() => process.exit())
    })
  }
  const {
    url,
    controlUrl,
    default: { id, credentials },
  } = mock
  const identity = `${JSON.stringify({ url, controlUrl, world: id, seed, ...credentialsView(credentials) })}\n`
  try {
    if (readyFile !== undefined) writeFileSync(readyFile, identity)
  } catch (error) {
    await mock.close()
    return command.error(`--ready-file: ${(error as Error).message}`)
  }
  if (json) out(identity)
  else if (printEnv) out(shellLines(wholeEnvironment(url, controlUrl, id, credentials)))
  else if (!quiet) out(`${banner(mock, String(seed), isLoopback(host) && inContainer())}\n`)
}

function variable(option: Option): Option {
  return fromVariable(option, `WECHAT_MOCK_${option.name().replaceAll('-', '_').toUpperCase()}`)
}

/** `wechat-mock serve`, which is also what plain `wechat-mock` does. */
export function addServe(program: Command, output: Output): void {
  const option = (flags: string, text: string) => variable(new Option(flags, text))
  const command = program
    .command('serve', { isDefault: true })
    .description('run the mock until SIGINT or SIGTERM')
    .addOption(option('--port <port>', '0 takes any free port').default(DEFAULT_PORT).argParser(whole(0, 65_535)))
    .addOption(option('--host <host>', 'address to listen on').default('127.0.0.1'))
    .addOption(option('--control-port <port>', 'a separate port for the control API').argParser(whole(0, 65_535)))
    .addOption(
      option(
        '--allow-host <names>',
        'further host names for the control API, such as that of a compose service',
      ).argParser(list),
    )
    .addOption(
      option(
        '--allow-notify-host <names>',
        'the only hosts that notifications and runs of the card are sent to; default: any',
      ).argParser(list),
    )
    .addOption(
      option('--app-origin <origins>', 'web pages that may use wx: http://127.0.0.1:3000; default: none').argParser(
        list,
      ),
    )
    .addOption(option('--tls-skip-verify', 'accept any certificate of a notify_url'))
    .addOption(option('--config <file>', 'JSON with these flags in camelCase; flags and variables take precedence'))
  for (const { name, ...flag } of flagged) command.addOption(flagOf(name, flag))
  command
    .addOption(option('--https', 'require https: start only with --cert and --key'))
    .addOption(option('--cert <file>', 'PEM certificate of the mock: with --key it serves https').argParser(text))
    .addOption(option('--key <file>', 'PEM key of the certificate').argParser(text))
    .addOption(
      option(
        '--client-ca <file>',
        "PEM authority of the merchant's certificate; default: any of the right name",
      ).argParser(text),
    )
    .addOption(
      option('--ready-file <file>', 'written with the line of --json once the mock answers; removed when it ends'),
    )
    .addOption(option('--print-env', 'print shell lines for the app instead of the banner'))
    .addOption(
      option(
        '--json',
        'first line on stdout: url, controlUrl, world, seed, appid, appSecret, mchId, apiKey, cert, p12, v3',
      ),
    )
    .addOption(option('--quiet', 'no banner and no log'))
    .allowExcessArguments()
    .action((_options: ServeOptions, self: Command) => {
      // It runs when no other command was named, so a leftover word is an unknown command.
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
