import { EventEmitter } from 'node:events'
import { createActivity } from '../base/activity.ts'
import { MockError } from '../base/errors.ts'
import { guarded } from '../base/listeners.ts'
import { createRandom } from '../base/random.ts'
import { createDelays, nativeNow } from '../base/real-time.ts'
import { startOf } from '../clock/clock.ts'
import { parseDuration } from '../clock/duration.ts'
import { createFaultBook } from '../faults/faults.ts'
import { createGates } from '../faults/gates.ts'
import { createHooks } from '../faults/hooks.ts'
import type { Finding, JournalEntry } from '../journal/entry.ts'
import { createEventLog } from '../journal/event-log.ts'
import { createJournal } from '../journal/journal.ts'
import { type Account, type AccountHost, changeMerchant, createAccount } from '../ledger/account.ts'
import { createAutoPay } from '../ledger/auto-pay.ts'
import { checkApiKey, checkCertMode, STANDARD } from '../ledger/merchant.ts'
import { payingAppid } from '../ledger/orders.ts'
import type { Delivery } from '../notify/notification.ts'
import { createNotifier, noticeOf } from '../notify/notifier.ts'
import { createNoticeWire } from '../notify/passage.ts'
import { planOf } from '../notify/schedule.ts'
import type { Sender } from '../notify/sender.ts'
import { type Application, createApplication } from '../users/app.ts'
import { behaviourOf } from '../wechat/behaviour.ts'
import type { AtMerchant, InApp, WorldCore } from '../wechat/core.ts'
import { checkNotifyUrl } from '../wire/notify-url.ts'
import { createNoticeSigner } from '../wechat/pay-v3/notifications.ts'
import { formOf, timeHint } from './signing.ts'
import { createFace } from './face.ts'
import { createForgetting } from './forgetting.ts'
import { checkWorldOptions, refundDelayMs, sessionKeyMs, type WorldOptions } from './options.ts'
import { createParties } from './parties.ts'
import { createTell } from './payments.ts'
import { checkSettleUrl, createSettleCall } from './settle-url.ts'
import { checkOwnTime, joinClock, type SharedClock } from './shared-clock.ts'
import { createSnapshots } from './state/snapshots.ts'
import { ownTime, type Settling, type WorldTime } from './time.ts'
import type { World, WorldEvents } from './world.ts'

/** What a world needs from the mock it lives in. */
export interface WorldHost {
  readonly id: string
  /** The seed, unique among the worlds of the mock. */
  readonly seed: string
  readonly baseUrl: () => string
  readonly sender: Sender
  /** The clock that all worlds of the mock run on, if they share one. */
  readonly clock?: SharedClock | undefined
  /** Whether the mock is reached by TLS. */
  readonly tls: boolean
  readonly log: (line: string) => void
  /** @throws MockError ID_TAKEN */
  readonly checkFree: (kind: 'appid' | 'mchId', name: string) => void
  readonly claimMchId: (owner: AtMerchant) => void
  readonly claimAppid: (owner: InApp) => void
  /** Forgets the world. */
  readonly remove: () => void
}

const MAX_JOURNAL = 5000
/** Unpaid orders may still be paid, so a small limit for finished orders does not apply to them. */
const MAX_UNPAID = 10_000
const MAX_EVENTS = 1000

/** The sub-merchants of a service provider, and the app of each. */
function drawSubMerchants(seed: string, { subMerchants = 0 }: WorldOptions) {
  const random = createRandom(seed)
  return Array.from({ length: subMerchants }, (_, n) => ({
    mchId: `17${random.digits(8, 'sub mchId', n)}`,
    app: { appid: `wx${random.hex(16, 'sub appid', n)}`, appSecret: random.hex(32, 'sub appSecret', n) },
  }))
}

function drawCredentials(seed: string, { appid, appSecret, mchId, apiKey, apiV3Key }: WorldOptions) {
  const random = createRandom(seed)
  checkApiKey(apiKey)
  return {
    appid: appid ?? `wx${random.hex(16, 'appid')}`,
    appSecret: appSecret ?? random.hex(32, 'appSecret'),
    mchId: mchId ?? `16${random.digits(8, 'mchId')}`,
    apiKey: apiKey ?? random.alphanumeric(32, 'apiKey'),
    apiV3Key: apiV3Key ?? random.alphanumeric(32, 'apiV3Key'),
  }
}

/** Checks whatever can be checked before any part of the world exists. */
function readOptions(host: WorldHost, options: WorldOptions) {
  checkWorldOptions(options)
  checkCertMode(options.certMode, host.tls)
  if (options.settleUrl !== undefined) checkSettleUrl(options.settleUrl)
  if (options.refundNotifyUrl !== undefined) checkNotifyUrl('refundNotifyUrl', options.refundNotifyUrl)
  checkOwnTime(host.clock, options)
  return {
    ...drawCredentials(host.seed, options),
    subApps: drawSubMerchants(host.seed, options),
    start: startOf(options.startTime),
    mode: options.clock ?? 'virtual',
    plan: planOf(options.schedule ?? 'current'),
    behaviour: behaviourOf(options.behaviour),
    refundDelayMs: refundDelayMs(options),
    autoPayMs: options.autoPay === undefined ? undefined : parseDuration(options.autoPay, 'autoPay'),
    users: { sessionKeyMs: sessionKeyMs(options), codeLimit: options.codeLimit },
    maxJournal: options.maxJournal ?? MAX_JOURNAL,
    strict: options.strict ?? false,
  }
}

export function createWorld(host: WorldHost, options: WorldOptions): { world: World; core: WorldCore } {
  const { id, sender, seed } = host
  const log = guarded('log', host.log)
  const { appid, appSecret, mchId, apiKey, apiV3Key, subApps, ...settings } = readOptions(host, options)
  const { start, mode, plan, behaviour, users, maxJournal, strict, ...delaysMs } = settings
  const activity = createActivity()
  const events = new EventEmitter()
  const eventLog = createEventLog(MAX_EVENTS)
  const settleHooks: (() => Promise<unknown>)[] =
    options.settleUrl === undefined ? [] : [createSettleCall(sender, options.settleUrl)]
  let ended = false

  /** @throws MockError UNKNOWN_WORLD */
  function checkExists(): void {
    if (ended) throw new MockError('UNKNOWN_WORLD', `world ${id} has ended`)
  }

  function tell<E extends keyof WorldEvents>(event: E, value: WorldEvents[E]): void {
    eventLog.push(event, clock.now(), value)
    events.emit(event, value)
  }

  const settling: Settling = {
    id,
    settle: () => {
      if (settleHooks.length === 0 && !activity.busy()) return undefined
      return (async () => {
        do {
          await activity.idle()
          for (const hook of settleHooks) await hook()
        } while (activity.busy())
      })()
    },
    busy: activity.busy,
    awaited: activity.awaited,
    collect: () => {
      const deliveries = notifier.collect()
      const lint: Finding[] = []
      const note = (entry: JournalEntry) => {
        lint.push(...(entry.lint ?? []))
      }
      events.on('journal', note)
      return () => {
        events.off('journal', note)
        return { deliveries: deliveries(), lint }
      }
    },
    moved: (move) => tell('clock', move),
  }
  const time = host.clock ? joinClock(host.clock, settling) : ownTime(mode, start, settling)
  const { clock } = time
  const ownSeed = mode === 'real' && options.seed === undefined ? `${seed}@${start}` : seed
  const random = createRandom(ownSeed)

  const delays = createDelays()
  const hooks = createHooks(({ version, mchId }) => formOf(version, parties.merchantOr(mchId)))
  const faults = createFaultBook(random, clock.now, (fault) => tell('fault', { ...fault }))
  const gates = createGates((gate) => tell('gate', gate))
  const journal = createJournal(maxJournal, (entry) => {
    tell('journal', entry)
    forget()
  })
  const notifier = createNotifier({
    clock,
    activity,
    wire: createNoticeWire({ gates, faults, delays, sender }),
    hasEnded: () => ended,
    plan,
    ...(time.nextSequence && { nextSequence: time.nextSequence }),
    ackTimeoutMs: options.ackTimeoutMs ?? 5000,
    strict,
    delays,
    maxDeliveries: maxJournal,
    prepare: hooks.prepare,
    signer: (data) => signNotice(data),
    timeHint: () => core.timeHint(),
    onDelivery,
  })

  function onDelivery(delivery: Delivery): void {
    const { sentAt, notificationId, kind, outTradeNo, url, request, response, verdict, reason, lint, fault, attempt } =
      delivery
    journal.record({
      at: sentAt,
      direction: 'out',
      api: noticeOf(kind),
      outTradeNo,
      request: { method: 'POST', url, ...request },
      ...(response && { response }),
      note: `${verdict}: ${reason}`,
      ...(lint && { lint }),
      ...(fault !== undefined && { fault }),
      deliveryId: delivery.id,
      verdict,
    })
    log(`${id} notify ${notificationId} attempt ${attempt}: ${verdict} (${reason})`)
    gates.signal('delivery.completed', outTradeNo)
    tell('delivery', delivery)
  }

  const autoPay = createAutoPay(clock, delaysMs.autoPayMs)
  const accountHost: AccountHost = {
    clock,
    autoPay,
    refundDelayMs: delaysMs.refundDelayMs,
    refundNotifyUrl: options.refundNotifyUrl ?? '',
    expiredCertificates: behaviour.platformCertificate === 'expired',
    payerOf: (order) => parties.appOr(payingAppid(order)).users.issueCode({}).user.openid,
    sameUser: (appid, openid) =>
      parties.appOr(appid).users.know(`o${random.urlSafe(27, 'same user', appid, openid)}`).openid,
    tell: createTell(gates, notifier, random, behaviour, (order) => tell('paid', order)),
    send: (notificationId) => notifier.start(notifier.find(notificationId)!, false),
  }
  const { signType, certMode, keyMode, publicKeyShare } = options
  const accounts: Account[] = [createAccount({ ...STANDARD, mchId, apiKey, apiV3Key }, ownSeed, accountHost)]
  changeMerchant(accounts[0]!, {
    ...(signType && { signType }),
    ...(certMode && { certMode }),
    ...(keyMode && { keyMode }),
    ...(publicKeyShare !== undefined && { publicKeyShare }),
    actsFor: subApps.map(({ mchId, app }) => ({ mchId, appids: [app.appid] })),
  })
  const apps: Application[] = [
    createApplication({ appid, appSecret }, ownSeed, clock.now, users),
    ...subApps.map(({ app }) => createApplication(app, `${ownSeed}/${app.appid}`, clock.now, users)),
  ]

  const counters = { replies: 0 }
  const { signTime = 'world' } = options
  const signNow = signTime === 'real' ? () => new Date(nativeNow()) : clock.now
  const core: WorldCore = {
    id,
    accounts,
    apps,
    behaviour,
    strict,
    clock,
    signNow,
    timeHint: () => timeHint(signTime, signNow(), clock.now(), new Date(nativeNow())),
    random,
    autoPay,
    journal,
    activity,
    faults,
    gates,
    hooks,
    delays,
    notifier,
    counters,
    nextReply: () => ++counters.replies,
    end: () => {
      ended = true
      clock.close()
      delays.close()
      journal.close()
      gates.clear()
    },
  }
  const signNotice = createNoticeSigner(core, (mchId) => parties.merchantOr(mchId))
  const forget = createForgetting(core, { over: maxJournal, unpaid: Math.max(MAX_UNPAID, maxJournal) })
  const parties = createParties({
    id,
    seed,
    random,
    now: clock.now,
    tls: host.tls,
    checkFree: host.checkFree,
    claimMchId: (account) => host.claimMchId({ world: core, account }),
    claimAppid: (app) => host.claimAppid({ world: core, app }),
    host: accountHost,
    users,
    accounts,
    apps,
    checkExists,
  })
  const advance: WorldTime['advance'] = async (by, options) => {
    checkExists()
    const report = await time.advance(by, options)
    checkExists()
    return report
  }
  const world = createFace({
    core,
    parties,
    baseUrl: host.baseUrl,
    clock,
    plan,
    advance,
    settleOn: (fn) => {
      settleHooks.push(fn)
    },
    on: (event, listener) => {
      events.on(event, listener)
    },
    events: eventLog,
    snapshots: createSnapshots(core, start, parties, (what) => tell('reset', { what })),
    close: () => {
      host.remove()
      core.end()
    },
  })
  time.enter()
  return { world, core }
}
