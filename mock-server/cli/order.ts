import { createPrivateKey, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import type { AppCredentials } from '../ledger/environment.ts'
import type { ApiVersion } from '../wire/names.ts'
import { signV2 } from '../wire/sign-v2.ts'
import { requestText, SCHEME, signRsa } from '../wire/sign-v3.ts'
import { readXml, writeXml } from '../wire/xml.ts'
import { address, whole } from './arguments.ts'
import { CommandError, createAsk, post } from './client.ts'
import { addCommand, inWorld, type Output, type Result, type Target, tell } from './commands.ts'

interface OrderFlags extends Target {
  readonly version: ApiVersion
  readonly notifyUrl: URL
  readonly fee: number
  readonly body: string
  readonly outTradeNo?: string
  readonly openid?: string
}

interface WorldView extends AppCredentials {
  readonly baseUrl: string
}

/** What is ordered, and where WeChat is. */
interface Request extends Required<Pick<OrderFlags, 'notifyUrl' | 'fee' | 'body' | 'outTradeNo' | 'openid'>> {
  readonly wechat: URL
  readonly world: WorldView
}

/** What a version of WeChat Pay's API orders with, and what its notifications are verified with. */
interface Version {
  /** Resolves with the prepay_id. */
  readonly place: (request: Request) => Promise<string>
  readonly verifyWith: (world: WorldView) => Readonly<Record<string, string>>
  /** How to verify a notification with that. */
  readonly told: string
}

const refused = (reason: string) => new CommandError(`WeChat refused the order: ${reason}`.trimEnd())

async function placeV2({ wechat, world, notifyUrl, fee, body, outTradeNo, openid }: Request): Promise<string> {
  const fields: [string, string][] = Object.entries({
    appid: world.appid,
    mch_id: world.mchId,
    nonce_str: randomBytes(16).toString('hex'),
    body,
    out_trade_no: outTradeNo,
    total_fee: String(fee),
    spbill_create_ip: '127.0.0.1',
    notify_url: notifyUrl.href,
    trade_type: 'JSAPI',
    openid,
  })
  const xml = writeXml([...fields, ['sign', signV2(fields, world.apiKey, 'MD5')]])
  const answer = readXml(await text(await post(new URL('/pay/unifiedorder', wechat), xml)))
  const prepayId = answer.get('prepay_id')
  if (prepayId !== undefined) return prepayId
  throw refused(`${answer.get('err_code') ?? answer.get('return_msg')} ${answer.get('err_code_des') ?? ''}`)
}

const V3_PATH = '/v3/pay/transactions/jsapi'

/** A reply that is about the time of the signature carries the right one. */
async function postV3({ wechat, world: { mchId, v3 } }: Request, body: string): Promise<IncomingMessage> {
  const send = (at: number) => {
    const [timestamp, nonce] = [String(Math.floor(at / 1000)), randomBytes(16).toString('hex')]
    const signed = requestText({ method: 'POST', url: V3_PATH, timestamp, nonce, body })
    const signature = signRsa(signed, createPrivateKey(v3.privateKey))
    return post(new URL(V3_PATH, wechat), body, {
      accept: 'application/json',
      'content-type': 'application/json',
      authorization: `${SCHEME} mchid="${mchId}",nonce_str="${nonce}",signature="${signature}",timestamp="${timestamp}",serial_no="${v3.serialNo}"`,
    })
  }
  const reply = await send(Date.now())
  // A world with --sign-time world has its own time.
  if (reply.statusCode !== 401) return reply
  reply.resume()
  return send(Date.parse(reply.headers.date!))
}

async function placeV3(request: Request): Promise<string> {
  const { world, notifyUrl, fee, body, outTradeNo, openid } = request
  const answer = JSON.parse(
    await text(
      await postV3(
        request,
        JSON.stringify({
          appid: world.appid,
          mchid: world.mchId,
          description: body,
          out_trade_no: outTradeNo,
          notify_url: notifyUrl.href,
          amount: { total: fee },
          payer: { openid },
        }),
      ),
    ),
  ) as { prepay_id?: string; code: string; message: string }
  if (answer.prepay_id !== undefined) return answer.prepay_id
  throw refused(`${answer.code} ${answer.message}`)
}

const VERSIONS: Readonly<Record<ApiVersion, Version>> = {
  v2: {
    place: placeV2,
    verifyWith: ({ apiKey }) => ({ apiKey, signType: 'MD5' }),
    told: 'Its notifications are XML. Verify sign with the API key (API v3: --version v3):',
  },
  v3: {
    place: placeV3,
    verifyWith: ({ v3 }) => ({
      apiV3Key: v3.apiV3Key,
      ...(v3.keyMode !== 'certificate' && { publicKeyId: v3.publicKeyId, publicKey: v3.publicKey }),
      ...(v3.keyMode !== 'public-key' && {
        platformSerialNo: v3.platformSerialNo,
        platformCertificate: v3.platformCertificate,
      }),
    }),
    told: 'Its notifications are JSON. Verify Wechatpay-Signature over "timestamp\\nnonce\\nbody\\n" with the key that Wechatpay-Serial names (SHA256 with RSA), and decrypt resource with the API v3 key (AES-256-GCM):',
  },
}

/** Places a signed order, as an app would. */
async function placeOrder(flags: OrderFlags): Promise<Result> {
  const { url, version, notifyUrl, fee, body, outTradeNo = `order-${randomBytes(6).toString('hex')}` } = flags
  const ask = inWorld(createAsk(url), flags.world)
  const world = (await ask('GET', '')) as WorldView
  const { openid = ((await ask('POST', '/login-codes')) as { openid: string }).openid } = flags
  // The mock may have another name for its own address than this machine.
  const wechat = new URL(world.baseUrl)
  wechat.hostname = url.hostname
  const { place, verifyWith, told } = VERSIONS[version]
  const prepayId = await place({ wechat, world, notifyUrl, fee, body, outTradeNo, openid })
  const verify = verifyWith(world)
  return {
    value: { version, outTradeNo, prepayId, openid, totalFee: fee, notifyUrl: notifyUrl.href, verify },
    text: [
      `order ${outTradeNo} of ${fee} fen was placed with API ${version} (${prepayId}); the user pays it with: wechat-mock pay ${outTradeNo}`,
      told,
      ...Object.entries(verify).map(
        ([name, value]) => `  ${name}${value.includes('\n') ? `:\n${value.trimEnd()}` : ` ${value}`}`,
      ),
    ].join('\n'),
  }
}

export function addOrder(program: Command, output: Output): void {
  addCommand(program, 'order', 'places a signed order, to test a notify handler before the app exists')
    .addOption(
      new Option('--version <version>', "the API to order with, which is also that of the order's notifications")
        .choices(Object.keys(VERSIONS))
        .default('v2'),
    )
    .requiredOption('--notify-url <url>', 'your notify handler', address)
    .option('--fee <fen>', 'amount', whole(1, 100_000_000), 1250)
    .option('--body <text>', 'description', 'Tea')
    .option('--out-trade-no <number>', 'default: a random one')
    .option('--openid <openid>', 'the user; default: a new one')
    .action(async (flags: OrderFlags) => tell(output, flags, await placeOrder(flags)))
}
