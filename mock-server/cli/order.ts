import { createPrivateKey, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import type { AppCredentials } from '../ledger/environment.ts'
import type { Merchant } from '../ledger/merchant.ts'
import type { ApiVersion } from '../wire/names.ts'
import { signV2, type SignType } from '../wire/sign-v2.ts'
import { requestText, SCHEME, signRsa } from '../wire/sign-v3.ts'
import { readXml, writeXml } from '../wire/xml.ts'
import { address, whole } from './arguments.ts'
import { type Ask, CommandError, createAsk, post } from './client.ts'
import { addCommand, DEFAULT_PORT, inWorld, type Output, type Result, type Target, tell } from './commands.ts'

interface OrderFlags extends Target {
  readonly version: ApiVersion
  readonly notifyUrl: URL
  readonly fee: number
  readonly body: string
  readonly outTradeNo?: string
  readonly openid?: string
  readonly signType?: SignType
  readonly subMchId?: string
  readonly subAppid?: string
  readonly subOpenid?: string
}

interface WorldView extends AppCredentials {
  readonly baseUrl: string
}

/** Who pays, and whom: `subMchId` is set in an order of a service provider. */
interface Parties {
  readonly openid?: string | undefined
  readonly subMchId?: string
  readonly subAppid?: string | undefined
  readonly subOpenid?: string | undefined
}

/** What is ordered, and where WeChat is. */
interface Request extends Required<Pick<OrderFlags, 'notifyUrl' | 'fee' | 'body' | 'outTradeNo' | 'signType'>> {
  readonly wechat: URL
  readonly world: WorldView
  readonly parties: Parties
}

/** How a version of WeChat Pay's API places orders, and how its notifications are verified. */
interface Version {
  /** Resolves with the prepay_id. */
  readonly place: (request: Request) => Promise<string>
  readonly verifyWith: (request: Pick<Request, 'world' | 'signType'>) => Readonly<Record<string, string>>
  /** How to verify a notification. */
  readonly told: string
}

/** A command needs to name only what differs. */
const DEFAULTS: Readonly<Record<string, string>> = { url: `http://127.0.0.1:${DEFAULT_PORT}`, world: 'default' }

const refused = (reason: string) => new CommandError(`WeChat refused the order: ${reason}`.trimEnd())

async function placeV2(request: Request): Promise<string> {
  const { wechat, world, parties, notifyUrl, fee, body, outTradeNo, signType } = request
  const { openid = '', subMchId = '', subAppid = '', subOpenid = '' } = parties
  // Empty ones are neither signed nor sent.
  const fields = Object.entries({
    appid: world.appid,
    mch_id: world.mchId,
    sub_appid: subAppid,
    sub_mch_id: subMchId,
    nonce_str: randomBytes(16).toString('hex'),
    sign_type: signType,
    body,
    out_trade_no: outTradeNo,
    total_fee: String(fee),
    spbill_create_ip: '127.0.0.1',
    notify_url: notifyUrl.href,
    trade_type: 'JSAPI',
    openid,
    sub_openid: subOpenid,
  }).filter(([, value]) => value !== '')
  const xml = writeXml([...fields, ['sign', signV2(fields, world.apiKey, signType)]])
  const answer = readXml(await text(await post(new URL('/pay/unifiedorder', wechat), xml)))
  const prepayId = answer.get('prepay_id')
  if (prepayId !== undefined) return prepayId
  throw refused(`${answer.get('err_code') ?? answer.get('return_msg')} ${answer.get('err_code_des') ?? ''}`)
}

/** A refusal because of the signature's time carries the right time. */
async function postV3({ wechat, world: { mchId, v3 } }: Request, path: string, body: string): Promise<IncomingMessage> {
  const send = (at: number) => {
    const [timestamp, nonce] = [String(Math.floor(at / 1000)), randomBytes(16).toString('hex')]
    const signed = requestText({ method: 'POST', url: path, timestamp, nonce, body })
    const signature = signRsa(signed, createPrivateKey(v3.privateKey))
    return post(new URL(path, wechat), body, {
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
  const { world, parties, notifyUrl, fee, body, outTradeNo } = request
  const { openid, subMchId, subAppid, subOpenid } = parties
  const isPartner = subMchId !== undefined
  const order = {
    ...(isPartner
      ? { sp_appid: world.appid, sp_mchid: world.mchId, sub_appid: subAppid, sub_mchid: subMchId }
      : { appid: world.appid, mchid: world.mchId }),
    description: body,
    out_trade_no: outTradeNo,
    notify_url: notifyUrl.href,
    amount: { total: fee },
    payer: isPartner ? { sp_openid: openid, sub_openid: subOpenid } : { openid },
  }
  const path = `/v3/pay/${isPartner ? 'partner/' : ''}transactions/jsapi`
  const answer = JSON.parse(await text(await postV3(request, path, JSON.stringify(order)))) as {
    prepay_id?: string
    code: string
    message: string
  }
  if (answer.prepay_id !== undefined) return answer.prepay_id
  throw refused(`${answer.code} ${answer.message}`)
}

const VERSIONS: Readonly<Record<ApiVersion, Version>> = {
  v2: {
    place: placeV2,
    verifyWith: ({ world: { apiKey }, signType }) => ({ apiKey, signType }),
    told: 'Its notifications are XML. Verify sign with the API key (API v3: --version v3):',
  },
  v3: {
    place: placeV3,
    verifyWith: ({ world: { v3 } }) => ({
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

/** Each order of a service provider is for a sub-merchant. Unless told otherwise, a user of its app pays. */
async function partiesOf(
  ask: Ask,
  { mchId, actsFor: [first, ...more] }: Merchant,
  flags: OrderFlags,
): Promise<Parties> {
  const user = async (appid?: string) => ((await ask('POST', '/login-codes', { appid })) as { openid: string }).openid
  const { openid, subOpenid } = flags
  if (first === undefined) {
    if ((flags.subMchId ?? flags.subAppid ?? subOpenid) === undefined) return { openid: openid ?? (await user()) }
    throw new CommandError(`merchant ${mchId} is not a service provider; a mock with --sub-merchants 1 has one`)
  }
  const { subMchId = first.mchId } = flags
  const [firstApp] = [first, ...more].find((sub) => sub.mchId === subMchId)?.appids ?? []
  const subAppid = flags.subAppid ?? (openid === undefined || subOpenid !== undefined ? firstApp : undefined)
  if ((openid ?? subOpenid) !== undefined) return { openid, subMchId, subAppid, subOpenid }
  return subAppid === undefined
    ? { openid: await user(), subMchId }
    : { subMchId, subAppid, subOpenid: await user(subAppid) }
}

/** Places a signed order, as an app would. */
async function placeOrder(flags: OrderFlags): Promise<Result> {
  const { url, version, notifyUrl, fee, body, outTradeNo = `order-${randomBytes(6).toString('hex')}` } = flags
  const ask = inWorld(createAsk(url), flags.world)
  const world = (await ask('GET', '')) as WorldView
  const merchant = ((await ask('GET', '/merchants')) as Merchant[]).find(({ mchId }) => mchId === world.mchId)!
  const signType = flags.signType ?? (merchant.signType === 'any' ? 'MD5' : merchant.signType)
  const parties = await partiesOf(ask, merchant, flags)
  // The mock may have another name for its own address than this machine.
  const wechat = new URL(world.baseUrl)
  wechat.hostname = url.hostname
  const { place, verifyWith, told } = VERSIONS[version]
  const prepayId = await place({ wechat, world, parties, notifyUrl, fee, body, outTradeNo, signType })
  const verify = verifyWith({ world, signType })
  const here = Object.entries({ url: url.origin, world: flags.world })
    .filter(([name, value]) => value !== DEFAULTS[name])
    .map(([name, value]) => ` --${name} ${value}`)
    .join('')
  return {
    value: { version, outTradeNo, prepayId, ...parties, totalFee: fee, notifyUrl: notifyUrl.href, verify },
    text: [
      `order ${outTradeNo} of ${fee} fen was placed with API ${version} (${prepayId}); the user pays it with: wechat-mock pay ${outTradeNo}${here}`,
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
    .addOption(
      new Option('--sign-type <type>', 'of API v2; default: the only one of the merchant, otherwise MD5').choices([
        'MD5',
        'HMAC-SHA256',
      ]),
    )
    .option('--sub-mch-id <sub_mch_id>', "the sub-merchant; default: a service provider's first")
    .option('--sub-appid <sub_appid>', 'its app; default: its first one, unless --openid is the user')
    .option('--sub-openid <sub_openid>', 'the user of that app; default: a new one')
    .action(async (flags: OrderFlags) => tell(output, flags, await placeOrder(flags)))
}
