import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { Credentials } from '../ledger/merchant.ts'
import { signV2 } from '../wire/sign-v2.ts'
import { readXml, writeXml } from '../wire/xml.ts'
import { address, whole } from './arguments.ts'
import { CommandError, createAsk, post } from './client.ts'
import { addCommand, inWorld, type Output, type Result, type Target, tell } from './commands.ts'

interface OrderFlags extends Target {
  readonly notifyUrl: URL
  readonly fee: number
  readonly body: string
  readonly outTradeNo?: string
  readonly openid?: string
}

interface WorldView extends Credentials {
  readonly baseUrl: string
}

/** A signed unifiedorder, as an app would send it. */
async function placeOrder(flags: OrderFlags): Promise<Result> {
  const { url, world, notifyUrl, fee, body, outTradeNo = `order-${randomBytes(6).toString('hex')}` } = flags
  const ask = inWorld(createAsk(url), world)
  const { baseUrl, appid, mchId, apiKey } = (await ask('GET', '')) as WorldView
  const { openid = ((await ask('POST', '/login-codes')) as { openid: string }).openid } = flags
  // The mock may have another name for its own address than this machine.
  const wechat = new URL('/pay/unifiedorder', baseUrl)
  wechat.hostname = url.hostname
  const fields: [string, string][] = Object.entries({
    appid,
    mch_id: mchId,
    nonce_str: randomBytes(16).toString('hex'),
    body,
    out_trade_no: outTradeNo,
    total_fee: String(fee),
    spbill_create_ip: '127.0.0.1',
    notify_url: notifyUrl.href,
    trade_type: 'JSAPI',
    openid,
  })
  const answer = readXml(await text(await post(wechat, writeXml([...fields, ['sign', signV2(fields, apiKey, 'MD5')]]))))
  const prepayId = answer.get('prepay_id')
  if (prepayId === undefined) {
    throw new CommandError(
      `WeChat refused the order: ${answer.get('err_code') ?? answer.get('return_msg')} ${answer.get('err_code_des') ?? ''}`.trimEnd(),
    )
  }
  return {
    value: { outTradeNo, prepayId, openid, totalFee: fee, notifyUrl: notifyUrl.href },
    text: `order ${outTradeNo} of ${fee} fen was placed (${prepayId}); the user pays it with: wechat-mock pay ${outTradeNo}`,
  }
}

export function addOrder(program: Command, output: Output): void {
  addCommand(program, 'order', 'places a signed order, to test a notify handler before the app exists')
    .requiredOption('--notify-url <url>', 'your notify handler', address)
    .option('--fee <fen>', 'amount', whole(1, 100_000_000), 1250)
    .option('--body <text>', 'description', 'Tea')
    .option('--out-trade-no <number>', 'default: a random one')
    .option('--openid <openid>', 'the user; default: a new one')
    .action(async (flags: OrderFlags) => tell(output, flags, await placeOrder(flags)))
}
