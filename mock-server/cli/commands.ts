import { setTimeout } from 'node:timers/promises'
import { Argument, type Command, Option } from 'commander'
import { KEY, type Rotatable } from '../ledger/keys.ts'
import type { V3Credentials } from '../ledger/merchant.ts'
import { APIS, VERDICTS } from '../wire/names.ts'
import { address, amounts, duration, moment, name, span, whole } from './arguments.ts'
import { type Ask, CommandError, createAsk, NoAnswer } from './client.ts'
import { fromVariable } from './environment.ts'

export interface Output {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** Which mock, which world, and how to print the result. */
export interface Target {
  readonly url: URL
  readonly world: string
  readonly json?: true
}

/** The result of a command: for a program, and for a person. */
export interface Result {
  readonly value: unknown
  readonly text: string
}

export const DEFAULT_PORT = 8090

/** A command that talks to a running mock; `path` begins with a slash and continues from the world's URL. */
export function addCommand(program: Command, usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .addOption(
      fromVariable(new Option('--url <url>', 'where the mock is'), 'WECHAT_MOCK_URL')
        .default(new URL(`http://127.0.0.1:${DEFAULT_PORT}`), `http://127.0.0.1:${DEFAULT_PORT}`)
        .argParser(address),
    )
    .addOption(
      fromVariable(new Option('--world <id>', 'which of its worlds'), 'WECHAT_MOCK_WORLD')
        .default('default')
        .argParser(name),
    )
    .addOption(fromVariable(new Option('--json', 'answer with JSON'), 'WECHAT_MOCK_JSON'))
}

export const inWorld =
  (ask: Ask, world: string): Ask =>
  (method, path, body) =>
    ask(method, `/__mock/v1/worlds/${world}${path}`, body)

export function tell({ out }: Output, { json }: Target, { value, text }: Result): void {
  out(`${json ? JSON.stringify(value) : text}\n`)
}

/** As received over the control API: dates are strings. */
interface Delivery {
  readonly notificationId: string
  readonly attempt: number
  readonly sentAt: string
  readonly verdict: string
  readonly reason: string
}
interface Notification {
  readonly attempts: readonly unknown[]
  readonly nextDueAt?: string
}
interface Entry {
  readonly cursor: number
  readonly at: string
  readonly api: string
  readonly outTradeNo?: string
  readonly note: string
}
interface Order {
  readonly outTradeNo: string
  readonly mchId: string
  readonly createdAt: string
  readonly tradeState: string
  readonly transactionId?: string
}

const toldDelivery = ({ notificationId, attempt, sentAt, verdict, reason }: Delivery) =>
  `${sentAt} ${notificationId} attempt ${attempt}: ${verdict} (${reason})`

/** The body consists of the command's own flags. */
const own = ({ url: _url, world: _world, json: _json, ...flags }: Target): object => flags

async function loginCode(ask: Ask, options: object): Promise<Result> {
  const value = (await ask('POST', '/login-codes', options)) as { code: string }
  return { value, text: value.code }
}

interface Where {
  readonly mchId?: string
}
interface Paid {
  readonly order: Order
  readonly notification: Notification
  readonly delivery?: Delivery
}
interface PayFlags extends Where {
  readonly coupon?: readonly number[]
}

/** If several are equally new, the last in the list. */
async function newestUnpaid(ask: Ask, { mchId: wanted }: Where): Promise<Order> {
  const orders = ((await ask('GET', '/orders')) as Order[]).filter(({ mchId }) => (wanted ?? mchId) === mchId)
  const [newest] = orders
    .filter(({ tradeState }) => tradeState === 'NOTPAY')
    .reverse()
    .sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))
  if (!newest) {
    throw new CommandError(
      `none of ${orders.length} orders is unpaid; place one through your app first, or with: wechat-mock order --notify-url URL`,
    )
  }
  return newest
}

async function pay(ask: Ask, number: string | undefined, { coupon, ...options }: PayFlags): Promise<Result> {
  // Another merchant may have the same number.
  const { outTradeNo, mchId } =
    number === undefined ? await newestUnpaid(ask, options) : { ...options, outTradeNo: number }
  const path = `/orders/${encodeURIComponent(outTradeNo)}/pay`
  const value = (await ask('POST', path, { ...options, mchId, coupons: coupon?.map((fee) => ({ fee })) })) as Paid
  const { order, notification, delivery } = value
  const paid = `order ${order.outTradeNo} is paid (${order.transactionId})`
  if (delivery) return { value, text: `${paid}\n${toldDelivery(delivery)}` }
  const { attempts, nextDueAt } = notification
  return {
    value,
    text:
      nextDueAt !== undefined && attempts.length === 0
        ? `${paid}\nnothing is sent yet; the first notification is due at ${nextDueAt}`
        : paid,
  }
}

async function deliver(ask: Ask, id: string, options: object): Promise<Result> {
  const value = (await ask('POST', `/notifications/${encodeURIComponent(id)}/deliver`, options)) as {
    deliveries: Delivery[]
  }
  return { value, text: value.deliveries.map(toldDelivery).join('\n') }
}

/** Exactly one of these; JSON drops undefined values. */
interface Goal {
  readonly by: string | number | undefined
  readonly to: Date | undefined
  readonly next: number | undefined
}

async function advance(ask: Ask, goal: Goal, realTimeoutMs: number): Promise<Result> {
  const value = (await ask('POST', '/clock/advance', { ...goal, realTimeoutMs })) as {
    to: string
    deliveries: Delivery[]
    remainingTimers: unknown[]
  }
  const { to, deliveries, remainingTimers } = value
  return {
    value,
    text: [
      ...deliveries.map(toldDelivery),
      `it is ${to}; ${deliveries.length} sent, ${remainingTimers.length} still due`,
    ].join('\n'),
  }
}

interface RotateFlags extends Where {
  readonly keepOld?: true
}

async function rotate(ask: Ask, what: Rotatable, { keepOld, mchId: given }: RotateFlags): Promise<Result> {
  const { mchId } = given === undefined ? ((await ask('GET', '')) as Required<Where>) : { mchId: given }
  const value = (await ask('POST', `/merchants/${mchId}/rotate`, { what, keepOld })) as V3Credentials
  const serial = {
    'merchant-certificate': value.serialNo,
    'platform-certificate': value.platformSerialNo,
    'public-key': value.publicKeyId,
  }[what]
  return { value, text: `${what} of ${mchId} is ${serial} now` }
}

const ASK_AGAIN_MS = 50

async function waitUntilReady(ask: Ask, timeoutMs: number, start = performance.now()): Promise<Result> {
  try {
    return { value: await ask('GET', '/readyz'), text: 'ready' }
  } catch (error) {
    if (!(error instanceof NoAnswer) || performance.now() - start > timeoutMs) throw error
  }
  await setTimeout(ASK_AGAIN_MS)
  return waitUntilReady(ask, timeoutMs, start)
}

interface WaitFlags {
  readonly api?: string
  readonly order?: string
  readonly verdict?: string
  readonly note?: string
  readonly count: number
  readonly since: number
  readonly timeout: number
}

async function waitFor(ask: Ask, { api, order, verdict, note, count, since, timeout }: WaitFlags): Promise<Result> {
  const match = { api, outTradeNo: order, verdict, note: note && { pattern: note } }
  const value = (await ask('POST', '/journal/wait', { match, count, since, timeoutMs: timeout })) as {
    matched: boolean
    entries: Entry[]
    cursor: number
  }
  const { matched, entries } = value
  if (!matched) {
    throw new CommandError(`${entries.length} of ${count} arrived within ${timeout} ms: ${JSON.stringify(match)}`)
  }
  return {
    value,
    text: entries
      .map(({ cursor, at, api, outTradeNo = '', note }) => `${cursor} ${at} ${api} ${outTradeNo}: ${note}`)
      .join('\n'),
  }
}

/** The commands for a running mock, from a shell or a test in another language. */
export function addCommands(program: Command, output: Output): void {
  const asks = ({ url, world }: Target) => inWorld(createAsk(url), world)

  addCommand(program, 'login-code', 'issues a code like wx.login')
    .option('--openid <openid>', 'the user; default: a new one')
    .option('--unionid <unionid>', 'set for users of an app bound to an Open Platform account')
    .option('--appid <appid>', 'the app; default: the one that knows the user, otherwise the first')
    .option('--ttl <seconds>', 'lifetime; default 300', whole(0, 1_000_000))
    .option('--uses <n>', 'how many times it can be redeemed; default 1', whole(1, 1_000_000))
    .action(async (flags: Target) => tell(output, flags, await loginCode(asks(flags), own(flags))))

  addCommand(program, 'pay', 'the user pays an order, and WeChat notifies your app')
    .argument('[out_trade_no]', 'default: the newest unpaid one')
    .option('--openid <openid>', 'the payer; default: the user the order was created for')
    .option('--bank-type <type>', 'default OTHERS')
    .option('--mch-id <mch_id>', 'the merchant of the order; default: any that has it')
    .option('--coupon <fen>', 'pays this amount with a coupon; repeatable, or 10,20', amounts)
    .addOption(
      new Option(
        '--deliver <when>',
        'wait for the first notification, only start it, or send none; default await',
      ).choices(['await', 'background', 'hold']),
    )
    .action(async (outTradeNo: string | undefined, flags: Target) =>
      tell(output, flags, await pay(asks(flags), outTradeNo, own(flags))),
    )

  addCommand(program, 'deliver', 'sends a notification once more, outside the schedule')
    .argument('<id>', 'id of the notification: for a payment the out_trade_no')
    .option('--count <n>', 'how many times; default 1', whole(1, 1000))
    .option('--concurrent', 'all at once')
    .option('--delay <duration>', 'real time between the sends', duration)
    .action(async (id: string, { delay, ...flags }: Target & { delay?: number }) =>
      tell(output, flags, await deliver(asks(flags), id, { ...own(flags), delayMs: delay })),
    )

  addCommand(program, 'advance', 'moves the virtual clock and sends what falls due')
    .argument('[duration]', 'for example 24h4m', span)
    .option('--next <n>', 'over this many events instead, whenever they are due', whole(1, Number.MAX_SAFE_INTEGER))
    .option('--to <time>', 'to a time instead, such as 2026-01-16T12:00:00+08:00, or milliseconds since 1970', moment)
    .option('--timeout <duration>', 'real time it may take', duration, 300_000)
    .action(
      async (
        by: string | undefined,
        { timeout, next, to, ...target }: Target & Goal & { timeout: number },
        self: Command,
      ) => {
        if ([by, next, to].filter((goal) => goal !== undefined).length !== 1) {
          return self.error('error: give exactly one of a duration, --next and --to: wechat-mock advance 24h4m')
        }
        tell(output, target, await advance(asks(target), { by, next, to }, timeout))
      },
    )

  addCommand(program, 'rotate', 'replaces a key of API v3 mid-flow')
    .addArgument(new Argument('<what>').choices(KEY.enum))
    .option('--keep-old', 'the old one stays valid beside it')
    .option('--mch-id <mch_id>', 'the merchant; default: the first one')
    .action(async (what: Rotatable, flags: Target & RotateFlags) =>
      tell(output, flags, await rotate(asks(flags), what, flags)),
    )

  addCommand(program, 'wait', 'waits until the mock is ready, or until something has been sent or received')
    .option('--ready', 'until the mock answers; this is also what plain wait does')
    .addOption(
      new Option('--api <api>', 'a call of this kind; notify and refundnotify are notifications').choices(APIS),
    )
    .option('--order <out_trade_no>', 'about this order')
    .addOption(new Option('--verdict <verdict>', 'a notification with this verdict').choices(VERDICTS))
    .option('--note <pattern>', 'the note in the journal')
    .option('--count <n>', 'how many', whole(1, 1_000_000), 1)
    .option('--since <cursor>', 'only entries after this cursor of the journal', whole(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--timeout <duration>', 'real time', duration, 30_000)
    .action(async (flags: Target & WaitFlags & { ready?: true }) => {
      const { api, order, verdict, note, ready, timeout } = flags
      const isReady = ready ?? (api ?? order ?? verdict ?? note) === undefined
      tell(
        output,
        flags,
        isReady ? await waitUntilReady(createAsk(flags.url), timeout) : await waitFor(asks(flags), flags),
      )
    })
}
