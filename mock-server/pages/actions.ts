import { MockError } from '../base/errors.ts'
import { within } from '../base/real-time.ts'
import type { Effect } from '../faults/effects.ts'
import type { GateOptions, GatePoint } from '../faults/gates.ts'
import type { RefundEnd } from '../ledger/refunds.ts'
import type { ClockMode } from '../clock/clock.ts'
import type { Delivery } from '../notify/notification.ts'
import { startRun, type RunRequest } from '../report/runs.ts'
import type { Api } from '../wire/names.ts'
import { wechatDateTime } from '../wire/time.ts'
import { yuan } from './frame/format.ts'
import type { View } from './frame/view.ts'
import { verdictWord } from './frame/words.ts'
import { armTwice, disarmTwice } from './parts/twice.ts'

/** The fields of a form. An empty one counts as left out. */
export type Form = Readonly<Record<string, string | undefined>>
type Action = (view: View, form: Form) => string | Promise<string>

/** A form that waits longer than this for an application's answer says so, and the page shows the answer when it arrives. */
const PATIENCE_MS = 7000
/** The limit of an advance over the whole schedule with a slow application. */
const ADVANCE_MS = 120_000

const merchantOf = ({ mchId }: Form) => (mchId === undefined ? {} : { mchId })

/** A number from a form; the world's own rules refuse anything else. */
const numberOf = (text: string) => (/^\d+$/.test(text) ? Number(text) : NaN)

/** The result, or undefined if it takes too long. A failure is reported. */
async function soon<T>(work: Promise<T>): Promise<T | undefined> {
  return (await within(work, PATIENCE_MS)) ? work : undefined
}

async function pay({ world, say }: View, form: Form): Promise<string> {
  const { no = '', coupon } = form
  const coupons = coupon === undefined ? {} : { coupons: [{ fee: numberOf(coupon) }] }
  const paid = await soon(world.pay(no, { ...merchantOf(form), ...coupons }))
  const delivery = paid?.delivery
  return delivery
    ? say('didPay', { verdict: say(verdictWord(delivery.verdict)), ms: Math.round(delivery.durationMs) })
    : say('didPayLater')
}

async function deliver({ world, say }: View, { id = '', count = '1' }: Form): Promise<string> {
  const deliveries = await soon(
    world.notification(id).deliver({ count: numberOf(count), concurrent: true, awaited: false }),
  )
  return deliveries
    ? say('didDeliver', { n: deliveries.length, verdicts: counted(say, deliveries) })
    : say('didDeliverLater')
}

function counted(say: View['say'], deliveries: readonly Delivery[]): string {
  const counts = new Map<string, number>()
  for (const { verdict } of deliveries) counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
  return Array.from(counts, ([verdict, n]) => `${say(verdictWord(verdict as Delivery['verdict']))} ×${n}`).join(
    say('comma'),
  )
}

async function advance({ world, say }: View, { by, next }: Form): Promise<string> {
  const goal = next === undefined ? (by ?? '') : { next: numberOf(next) }
  const { to, deliveries } = await world.advance(goal, { realTimeoutMs: ADVANCE_MS })
  return say('didAdvance', { time: wechatDateTime(to), n: deliveries.length })
}

/** The field that an effect's value belongs to, and how it is parsed. */
const VALUES: Readonly<Record<string, readonly [field: string, read: (text: string) => string | number]>> = {
  delay: ['ms', numberOf],
  http: ['status', numberOf],
  html_page: ['status', numberOf],
  truncate: ['bytes', numberOf],
  oversize: ['bytes', numberOf],
  endless_headers: ['ms', numberOf],
  return_code_fail: ['return_msg', String],
  result_code_fail: ['err_code', String],
  errcode: ['errcode', Number],
}

function fault({ world, say }: View, { api, kind = '', value, when, times = '1', no }: Form): string {
  const [field, read] = VALUES[kind] ?? ['value', String]
  const effect = { kind, ...(value !== undefined && { [field]: read(value) }), ...(when !== undefined && { when }) }
  world.fault(api as Api, effect as Effect as never, {
    times: numberOf(times),
    ...(no !== undefined && { outTradeNo: no }),
  })
  return say('didFault', { times })
}

function preset({ world, say }: View, { name }: Form): string {
  if (name === 'twice') armTwice(world)
  else if (name === 'late') world.fault('notify', { kind: 'delay', ms: 5001, when: 'after' })
  else world.fault('notify', { kind: 'reset', when: 'after' })
  return say('didPreset')
}

/** Names of cases, separated by commas or blanks. */
const namesOf = (text: string | undefined) => text?.split(/[\s,，]+/).filter(Boolean)

function run({ world, worlds, say }: View, form: Form): string {
  const {
    version,
    only,
    exclude,
    quick,
    settleMs,
    notifyUrl,
    refundUrl,
    loginUrl,
    orderUrl,
    closeUrl,
    probeUrl,
    seed,
  } = form
  const { cases } = startRun(
    world,
    {
      version: version as NonNullable<RunRequest['version']>,
      ...{ notifyUrl, refundUrl, loginUrl, orderUrl, closeUrl, probeUrl, seed },
      only: namesOf(only),
      exclude: namesOf(exclude),
      quick: quick !== undefined,
      settleMs: settleMs === undefined ? undefined : numberOf(settleMs),
    },
    worlds.refusal,
  )
  return say('didRun', { cases })
}

function findGate({ world }: View, { name }: Form) {
  const gate = world.gates().find((gate) => gate.name === name)
  if (!gate) throw new MockError('UNKNOWN_GATE', `world ${world.id} has no gate ${name}`)
  return gate
}

/** What the buttons and forms of the pages do. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  pay,
  deliver,
  advance,
  fault,
  preset,
  run,
  fail: async ({ world, say }, form) =>
    say('didFail', { code: (await world.fail(form.no ?? '', merchantOf(form))).err_code }),
  close: ({ world, say }, form) => {
    world.expire(form.no ?? '', merchantOf(form))
    return say('didClose')
  },
  refund: ({ world, say }, form) => {
    const { outRefundNo, refundFee } = world.refundFromConsole(form.no ?? '', merchantOf(form))
    return say('didRefund', { no: outRefundNo, fee: yuan(refundFee) })
  },
  settle: async ({ world, say }, form) => {
    const { no = '', status } = form
    const settled = await soon(world.settleRefund(no, status as RefundEnd, merchantOf(form)))
    return say('didSettle', { no, status: settled?.note ?? String(status) })
  },
  hold: ({ world, say }, { id = '' }) => {
    world.notification(id).hold()
    return say('didHold')
  },
  release: async ({ world, say }, { id = '' }) => {
    await soon(world.notification(id).release())
    return say('didRelease')
  },
  cancel: ({ world, say }, { id = '' }) => {
    world.notification(id).cancel()
    return say('cancelled')
  },
  clock: ({ world, say }, { mode }) => {
    world.clock.switchTo(mode as ClockMode)
    return say(world.clock.mode === 'virtual' ? 'clockvirtual' : 'clockreal')
  },
  unfault: ({ world, say }, { name }) => {
    for (const fault of world.faults()) if (fault.name === name) fault.remove()
    return say('didRemove')
  },
  untwice: ({ world, say }, { n = '' }) => {
    disarmTwice(world, numberOf(n))
    return say('didRemove')
  },
  gate: ({ world, say }, { hold, until }) => {
    world.gate(hold as GatePoint, until === undefined ? {} : ({ until } as GateOptions))
    return say('didGate')
  },
  opengate: (view, form) => {
    findGate(view, form).release()
    return view.say('didRelease')
  },
  ungate: (view, form) => {
    findGate(view, form).remove()
    return view.say('didRemove')
  },
  login: ({ world, say }, { openid, unionid, appid }) => {
    const issued = world.loginCode({
      ...(openid !== undefined && { openid }),
      ...(unionid !== undefined && { unionid }),
      ...(appid !== undefined && { appid }),
    })
    return say('didCode', { openid: issued.openid, code: issued.code })
  },
  user: ({ world, say }, { openid = '', nickName, appid }) => {
    world.setUser(openid, { ...(nickName !== undefined && { nickName }), ...(appid !== undefined && { appid }) })
    return say('didUser')
  },
  rotate: ({ world, say }, { openid = '', appid }) => {
    world.rotateSessionKey(openid, appid === undefined ? {} : { appid })
    return say('didRotate')
  },
  world: ({ worlds, say }, { id, clock }) =>
    say('didWorld', {
      id: worlds.create({ signTime: 'real', ...(id !== undefined && { id }), clock: clock as ClockMode }).id,
    }),
  reset: ({ world, say }) => {
    world.reset()
    return say('didReset')
  },
}
