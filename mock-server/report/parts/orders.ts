import type { Random } from '../../base/random.ts'
import { signV2 } from '../../wire/sign-v2.ts'
import { readXml, writeXml } from '../../wire/xml.ts'
import type { World } from '../../world/world.ts'
import type { Budget } from './budget.ts'
import { askUntil, StepError, type Ask } from './merchant.ts'
import { shoot } from './shoot.ts'

/** Creates the orders of a run. */
export interface Orders {
  /** Creates an order and returns its number. The backend creates it; at level L0, the runner does. */
  readonly make: () => Promise<string>
  /** Starts an order without waiting for the backend's answer. Its number is known once WeChat has it. */
  readonly begin: () => Promise<{ outTradeNo: string; done: Promise<unknown> }>
  readonly last: () => string
}

export const ORDER_LIMIT_MS = 10_000
const FEE = 1250

/** Creates an order that only WeChat knows. */
async function placeItself(world: World, notifyUrl: string, outTradeNo: string, random: Random): Promise<void> {
  const { appid, mchId, apiKey } = world.credentials
  const signType = world.merchants()[0]!.signType === 'HMAC-SHA256' ? 'HMAC-SHA256' : 'MD5'
  const fields: [string, string][] = Object.entries({
    appid,
    mch_id: mchId,
    nonce_str: random.alphanumeric(32, 'nonce', outTradeNo),
    ...(signType !== 'MD5' && { sign_type: signType }),
    body: 'Tea',
    attach: 'card',
    out_trade_no: outTradeNo,
    total_fee: String(FEE),
    spbill_create_ip: '127.0.0.1',
    notify_url: notifyUrl,
    trade_type: 'JSAPI',
    openid: `o${random.urlSafe(27, 'openid')}`,
  })
  const body = writeXml([...fields, ['sign', signV2(fields, apiKey, signType)]])
  const exchange = await shoot({ url: `${world.baseUrl}/pay/unifiedorder`, headers: {}, body }, ORDER_LIMIT_MS)
  if (!('reply' in exchange)) throw new StepError(`the mock at ${world.baseUrl} does not answer the runner's own order`)
  const answer = readXml(exchange.reply.body)
  if (answer.get('result_code') !== 'SUCCESS') {
    const why = ['return_msg', 'err_code_des'].flatMap((name) => answer.get(name) ?? [])
    throw new StepError(`the mock refused the runner's own order: ${why.join(', ')}`)
  }
}

/** `ask` makes the backend create an order, which must reach WeChat within `limitMs`. */
export function createOrders(
  world: World,
  notifyUrl: string,
  random: Random,
  ask: Ask | undefined,
  limitMs = ORDER_LIMIT_MS,
): Orders {
  let made = 0
  let last = ''
  const known = new Set(world.orders().map(({ outTradeNo }) => outTradeNo))
  function claim(): string | undefined {
    const number = world.orders().find(({ outTradeNo }) => !known.has(outTradeNo))?.outTradeNo
    if (number !== undefined) known.add(number)
    return number
  }

  async function beginThere(ask: Ask): Promise<{ outTradeNo: string; done: Promise<unknown> }> {
    const { code, openid } = world.loginCode({ openid: `o${random.urlSafe(27, 'openid', ++made)}` })
    let failure: Error | undefined
    const done = ask({ code, openid, fee: String(FEE), notify_url: notifyUrl })
    done.catch((error: Error) => {
      failure = error
    })
    const claimed = async () => {
      if (failure) throw failure
      return claim()
    }
    const outTradeNo = await askUntil(claimed, (number) => number !== undefined, limitMs)
    if (outTradeNo === undefined) {
      throw new StepError(`the backend was asked for an order, but none reached WeChat within ${limitMs / 1000} s`)
    }
    return { outTradeNo, done }
  }

  async function beginHere(): Promise<{ outTradeNo: string; done: Promise<unknown> }> {
    let outTradeNo: string
    // An earlier run with the same seed may have used this number.
    do outTradeNo = `card${random.hex(8, 'orders')}${String(++made).padStart(4, '0')}`
    while (known.has(outTradeNo))
    known.add(outTradeNo)
    await placeItself(world, notifyUrl, outTradeNo, random)
    return { outTradeNo, done: Promise.resolve() }
  }

  async function begin(): Promise<{ outTradeNo: string; done: Promise<unknown> }> {
    const begun = await (ask ? beginThere(ask) : beginHere())
    last = begun.outTradeNo
    return begun
  }

  return {
    begin,
    make: async () => {
      const { outTradeNo, done } = await begin()
      await done
      return outTradeNo
    },
    last: () => last,
  }
}

/** Orders for as long as there is time. */
export function inTime(orders: Orders, budget: Budget): Orders {
  return {
    ...orders,
    make: () => budget.step(orders.make),
    begin: async () => {
      const { outTradeNo, done } = await budget.step(orders.begin)
      const ended = budget.step(() => done)
      // A case that fails earlier does not wait for it.
      ended.catch(() => {})
      return { outTradeNo, done: ended }
    },
  }
}
