import type { World } from '../mock-server/index.ts'
import type { Genuine, Meddler } from './between.ts'
import { HANG_MS, resigned } from './helpers.ts'
import type { Version } from './helpers.ts'

/** Every way for an answer of WeChat's to be bad or missing. */

type Api = Parameters<World['fault']>[0]
type Effect = Parameters<World['fault']>[1]

/** Whose answers they are, which decides how they are written and signed. */
export type Speaker = Version | 'mini program'

export interface FaultKind {
  /** The port is closed: nothing is sent. */
  isRefused?: true
  /** It lasts as long as the deadline. */
  isSlow?: true
  /** What the mock does; it is left out where the mock says that the call has no such answer. */
  effect?: Effect | ((speaker: Speaker, api: Api) => Effect | undefined)
  /** What is done to the answer on its way. */
  meddle?: (genuine: Genuine, tools: Tools, response: Parameters<Meddler>[1]) => ReturnType<Meddler>
  /** Only of these. */
  of?: (speaker: Speaker, api: Api) => boolean
}

export interface Tools {
  world: World
  speaker: Speaker
}

const isBill = (_: Speaker, api: Api) => ['downloadbill', 'downloadfundflow', 'billdownload'].includes(api)
const isPay = (speaker: Speaker) => speaker !== 'mini program'

type Changes = Record<string, string>

/** The answer with other values in the fields of these names, wherever they are, signed by WeChat; unchanged if it has none of them. */
function altered(
  { body, headers }: Genuine,
  changes: Changes,
  { world, speaker }: Tools,
): Partial<Genuine> | undefined {
  const text = body.toString()
  if (speaker === 'v2') {
    const known = Object.entries(changes).filter(([name]) => text.includes(`<${name}>`))
    if (known.length === 0) return undefined
    const signType = /<sign><!\[CDATA\[.{32}\]\]/.test(text) ? 'MD5' : 'HMAC-SHA256'
    return { body: Buffer.from(resigned(text, Object.fromEntries(known), world.credentials.apiKey, signType)) }
  }
  if (!text.startsWith('{')) return undefined
  const changed = JSON.stringify(
    JSON.parse(text, (name, value: unknown) =>
      name in changes ? (typeof value === 'number' ? Number(changes[name]) : changes[name]) : value,
    ),
  )
  if (changed === text) return undefined
  return { body: Buffer.from(changed), headers: { ...headers, ...(speaker === 'v3' && signedNow(world, changed)) } }
}

function signedNow(world: World, body: string): Record<string, string> {
  const headers = Object.entries(world.noticeHeaders('v3', body)).filter(([name]) => /^wechatpay-/i.test(name))
  return Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]))
}

const OTHER = 'wx00000000000000ff'
const OTHER_MCH = '1900000999'
const NUMBERS = {
  ...{ out_trade_no: 'of-another-order', transaction_id: '4200009999', refund_id: '', out_refund_no: 'other-1' },
  ...{ out_refund_no_0: '' },
}

export const FAULTS: Record<string, FaultKind> = {
  // The connection.
  'refused connection': { isRefused: true },
  'reset before WeChat has acted': { effect: { kind: 'reset' } },
  'reset after WeChat has acted': { effect: { kind: 'reset', when: 'after' } },
  'no answer': { isSlow: true, effect: { kind: 'hang', when: 'after' } },
  'answer after the deadline': { isSlow: true, effect: { kind: 'delay', ms: HANG_MS * 1.5, when: 'after' } },
  'one byte at a time': {
    isSlow: true,
    // A bill has ten minutes.
    of: (speaker, api) => !isBill(speaker, api),
    meddle({ status, headers, body }, _tools, response) {
      response.writeHead(status, headers)
      let at = 0
      const timer = setInterval(() => response.write(body.subarray(at, ++at)), 100)
      response.on('close', () => clearInterval(timer))
      return 'answered'
    },
  },
  'endless headers': { effect: { kind: 'endless_headers', when: 'after', ms: 1 } },
  'answer of 5 MB': { effect: { kind: 'oversize', bytes: 5_000_000 } },
  // The status.
  'HTTP 502': { effect: { kind: 'http', status: 502, when: 'after' } },
  'HTTP 429': { effect: { kind: 'http', status: 429 } },
  'HTTP 404': { effect: { kind: 'http', status: 404 } },
  // The body.
  'HTML page': { effect: { kind: 'html_page', when: 'after' } },
  'empty body': { meddle: () => ({ body: Buffer.alloc(0) }) },
  'cut body': { effect: { kind: 'truncate' } },
  'half a body as if it were whole': { meddle: ({ body }) => ({ body: body.subarray(0, body.length >> 1) }) },
  'wrong content type': {
    meddle: ({ headers }) => ({ headers: { ...headers, 'content-type': 'application/octet-stream' } }),
  },
  'duplicated body': { meddle: ({ body }) => ({ body: Buffer.concat([body, body]) }) },
  'damaged gzip': {
    of: isBill,
    meddle({ body }) {
      if (body[0] !== 0x1f) return undefined
      const damaged = Buffer.from(body)
      damaged[body.length >> 1]! ^= 0xff
      return { body: damaged }
    },
  },
  // The signature, and whose answer it is.
  'wrong signature': { effect: { kind: 'bad_sign' } },
  'no signature': {
    of: isPay,
    meddle: ({ headers, body }) => ({
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'wechatpay-signature')),
      body: body[0] === 0x1f ? body : Buffer.from(body.toString().replace(/<sign>.*?<\/sign>/, '')),
    }),
  },
  probe: { effect: { kind: 'probe' } },
  'signature of a quarter of an hour ago': { effect: { kind: 'skew', seconds: -900 } },
  "another app's answer": {
    meddle: (genuine, tools) => altered(genuine, { appid: OTHER, sub_appid: OTHER, sp_appid: OTHER }, tools),
  },
  "another merchant's answer": {
    of: isPay,
    meddle: (genuine, tools) => altered(genuine, { mch_id: OTHER_MCH, mchid: OTHER_MCH, sp_mchid: OTHER_MCH }, tools),
  },
  "another sub-merchant's answer": {
    of: isPay,
    meddle: (genuine, tools) => altered(genuine, { sub_mch_id: OTHER_MCH, sub_mchid: OTHER_MCH }, tools),
  },
  'answer about another number': { meddle: (genuine, tools) => altered(genuine, NUMBERS, tools) },
  // What WeChat says.
  SYSTEMERROR: {
    effect: (speaker) =>
      speaker === 'mini program'
        ? { kind: 'errcode', errcode: -1 }
        : ({ kind: 'result_code_fail', err_code: 'SYSTEMERROR' } as Effect),
  },
  'too many calls': {
    effect: (speaker) =>
      speaker === 'mini program'
        ? ({ kind: 'errcode', errcode: 45011 } as Effect)
        : { kind: 'v3_error', code: 'FREQUENCY_LIMITED' },
  },
  'unknown error code': {
    effect: (speaker) =>
      speaker === 'v3'
        ? { kind: 'v3_error', code: 'NEW_CODE' }
        : speaker === 'v2'
          ? ({ kind: 'result_code_fail', err_code: 'SYSTEMERROR' } as Effect)
          : ({ kind: 'errcode', errcode: -1 } as Effect),
    meddle: (genuine, tools) => altered(genuine, { err_code: 'NEW_CODE', errcode: '99999' }, tools),
  },
  'unsigned refusal': {
    effect: (speaker) =>
      speaker === 'v3'
        ? { kind: 'v3_error', code: 'ORDER_NOT_EXIST', signed: false }
        : { kind: 'return_code_fail', return_msg: '订单不存在' },
  },
  'refusal of one order': { effect: { kind: 'return_code_fail', return_msg: 'body参数格式错误' } },
}
