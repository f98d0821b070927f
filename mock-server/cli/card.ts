import { writeFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { MockError } from '../base/errors.ts'
import type { CardOptions } from '../report/options.ts'
import { createMockWechat, type MockWechat } from '../server/mock.ts'
import { list, text, whole } from './arguments.ts'
import { CommandError } from './client.ts'
import { DEFAULT_PORT, type Output } from './commands.ts'

interface RunFlags extends Pick<
  CardOptions,
  'notifyUrl' | 'refundUrl' | 'loginUrl' | 'only' | 'exclude' | 'quick' | 'seed'
> {
  readonly version: 'v2' | 'v3' | 'login'
  readonly orderUrl?: string
  readonly orderCmd?: string
  readonly closeUrl?: string
  readonly closeCmd?: string
  readonly probeUrl?: string
  readonly verifyCmd?: string
  readonly restartCmd?: string
  readonly settle?: number
  readonly failOn?: string[]
  readonly baseline?: string
  readonly json?: true
  readonly junit?: string
  readonly md?: string
  readonly html?: string
  readonly iOwnThisHost?: true
  readonly port: number
  readonly host: string
  readonly mockSeed: string
  readonly mchId?: string
  readonly appid?: string
  readonly appSecret?: string
  readonly apiKey?: string
  readonly apiV3Key?: string
  readonly signType?: 'MD5' | 'HMAC-SHA256'
  readonly keyMode?: 'public-key' | 'certificate'
}

interface Lang {
  readonly lang: 'en' | 'zh'
}

/** The first command that needs the runner loads it. */
const report = () => import('../report/index.ts')

/** The mock that the backend talks to during the run. */
async function startWechat(flags: RunFlags): Promise<MockWechat> {
  const { port, host, mockSeed: seed, mchId, appid, appSecret, apiKey, apiV3Key, signType, keyMode } = flags
  try {
    return await createMockWechat({
      port,
      host,
      world: {
        seed,
        signTime: 'real',
        ...(mchId !== undefined && { mchId }),
        ...(appid !== undefined && { appid }),
        ...(appSecret !== undefined && { appSecret }),
        ...(apiKey !== undefined && { apiKey }),
        ...(apiV3Key !== undefined && { apiV3Key }),
        ...(signType && { signType }),
        ...(keyMode && { keyMode }),
      },
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new CommandError(
      `port ${port} is in use: the card starts its own WeChat, so stop the mock that runs there, or choose another port (--port) and point your app to it`,
    )
  }
}

async function run(flags: RunFlags, { out, err }: Output): Promise<number> {
  const {
    askBy,
    exitCodeOf,
    gateOf,
    htmlOf,
    junitOf,
    lineOf,
    markdownOf,
    readBaseline,
    readSeverities,
    readWord,
    runCard,
    textOf,
  } = await report()
  const { orderUrl, orderCmd, closeUrl, closeCmd, probeUrl, verifyCmd, restartCmd, settle, iOwnThisHost, json } = flags
  const failOn = flags.failOn && readSeverities(flags.failOn)
  const baseline = flags.baseline === undefined ? [] : readBaseline(flags.baseline)
  const ask = askBy(probeUrl, verifyCmd, 'GET')
  const mock = await startWechat(flags)
  try {
    const card = await runCard(
      mock.default,
      {
        ...flags,
        order: askBy(orderUrl, orderCmd, 'POST'),
        close: askBy(closeUrl, closeCmd, 'POST'),
        probe: ask && (async (outTradeNo) => readWord(await ask({ out_trade_no: outTradeNo }))),
        restart: askBy(undefined, restartCmd, 'POST'),
        settleMs: settle,
        ownHost: iOwnThisHost,
      },
      (result) => err(`${lineOf(result)}\n`),
    )
    out(json ? `${JSON.stringify(card)}\n` : textOf(card))
    const files = [
      [flags.junit, junitOf],
      [flags.md, markdownOf],
      [flags.html, htmlOf],
    ] as const
    for (const [path, write] of files) if (path !== undefined) writeFileSync(path, write(card))
    const gate = gateOf(card, failOn, baseline)
    for (const { id } of gate.passed) err(`${id} is in the baseline but did not fail: remove it\n`)
    return exitCodeOf(gate)
  } finally {
    await mock.close()
  }
}

/** Reports input that the runner refuses like a wrong flag. */
async function told(work: () => Promise<number>, { err }: Output): Promise<number> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof MockError || error instanceof CommandError)) throw error
    err(`${error.message}\n`)
    return 2
  }
}

const VERSION = () =>
  new Option('--version <version>', 'the suite: the notify handler of API v2 or v3, or the login route').choices([
    'v2',
    'v3',
    'login',
  ])

const LANG = () => new Option('--lang <language>', 'the language of the cases').choices(['en', 'zh']).default('en')

/** `wechat-mock card`: attacks a backend and writes its report card. `ended` gets the exit code. */
export function addCard(program: Command, output: Output, ended: (code: number) => void): void {
  const card = program
    .command('card')
    .description("attacks a backend's notify handler or login route and writes its report card")

  card
    .command('run')
    .description('runs a suite; exits with 0 if nothing failed, 1 if something did, 2 if the run itself went wrong')
    .addOption(VERSION().default('v2'))
    .option('--notify-url <url>', 'the notify handler (level L0)')
    .option('--refund-url <url>', 'the handler for refund notifications')
    .option('--login-url <url>', 'the login route, for --version login')
    .option(
      '--order-url <url>',
      'level L1: a URL that makes the backend place an order, by POST; may contain {code}, {openid}, {fee}; "GET http…" for a GET',
    )
    .option(
      '--order-cmd <command>',
      'the same as a shell command, with CODE, OPENID, FEE and NOTIFY_URL in its environment',
    )
    .option('--close-url <url>', 'a URL that makes the backend close an order, by POST; may contain {out_trade_no}')
    .option('--close-cmd <command>', 'the same as a shell command, with OUT_TRADE_NO in its environment')
    .option(
      '--probe-url <url>',
      'level L2: a URL that answers a GET with {"paid":true,"fulfilments":1} or a number; may contain {out_trade_no}',
    )
    .option(
      '--verify-cmd <command>',
      'the same as a shell command that prints it, with OUT_TRADE_NO in its environment',
    )
    .option('--restart-cmd <command>', 'a shell command that restarts a dead backend')
    .option('--settle <ms>', 'how long a backend may take to fulfil, in real time; default 3000', whole(0, 60_000))
    .option(
      '--only <cases>',
      'only these cases: N-206, or N-2 for all that begin with it; repeatable, or comma-separated',
      list,
    )
    .option('--exclude <cases>', 'all cases but these', list)
    .option('--quick', 'only the cases that matter most, in under ten seconds')
    .option('--seed <text>', 'seed of the attacks: the same seed sends the same bytes', 'card')
    .option(
      '--fail-on <severities>',
      'exit with 1 only for failures of these severities: money,security,availability,hygiene; default: any',
      list,
    )
    .option(
      '--baseline <file>',
      'known failures: one case per line, or the JSON of a run; one that now passes fails the run',
      text,
    )
    .option('--json', 'print the card as JSON')
    .option('--junit <file>', 'write the card as JUnit XML, for CI')
    .option('--md <file>', 'write the card as Markdown')
    .option('--html <file>', 'write the card as an HTML page, with the bytes of each case')
    .option('--i-own-this-host', 'allow a target that is neither on this machine nor in a private network')
    .option(
      '--port <port>',
      'port of the WeChat that the backend talks to during the run',
      whole(0, 65_535),
      DEFAULT_PORT,
    )
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--mock-seed <text>', 'seed of its credentials, like serve --seed', 'docs')
    .option('--mch-id <mch_id>', 'the merchant, instead of the one from the seed')
    .option('--appid <appid>', 'the app')
    .option('--app-secret <secret>', "the app's secret")
    .option('--api-key <key>', "the merchant's API v2 key")
    .option('--api-v3-key <key>', "the merchant's API v3 key")
    .addOption(new Option('--sign-type <type>', 'how the runner signs its own orders').choices(['MD5', 'HMAC-SHA256']))
    .addOption(new Option('--key-mode <mode>', 'how WeChat signs in API v3').choices(['public-key', 'certificate']))
    .action(async (flags: RunFlags) => ended(await told(() => run(flags, output), output)))

  card
    .command('list')
    .description('lists the cases of a suite')
    .addOption(VERSION().default('v2'))
    .addOption(LANG())
    .action(async ({ version, lang }: Pick<RunFlags, 'version'> & Lang) => {
      const { inChinese, listed, suiteOf } = await report()
      output.out(listed(suiteOf(version), lang === 'zh' ? inChinese : undefined))
    })

  card
    .command('explain')
    .description('shows what a case requires, its possible outcomes and how to fix it')
    .argument('<case>', 'N-206')
    .addOption(LANG())
    .action(async (name: string, { lang }: Lang) => {
      const { casesOf, explained, inChinese, SUITES } = await report()
      const id = name.toUpperCase()
      const suite = SUITES.find((suite) => casesOf(suite).some((one) => one.id === id))
      if (!suite) throw new CommandError(`there is no case ${name}; see: wechat-mock card list`)
      output.out(
        explained(
          suite,
          casesOf(suite).find((one) => one.id === id)!,
          lang === 'zh' ? inChinese : undefined,
        ),
      )
    })
}
