import { v3 } from '../../fixtures.ts'
import type { NotificationFault, NotificationMessage } from '../../../src/client/pay.ts'
import { APPID, encrypted, MCH_ID, PUBLIC_KEY, sealed, SECONDS } from './wechat.ts'
import type { SealOptions } from './wechat.ts'

export const TRADE = {
  mchid: MCH_ID,
  appid: APPID,
  out_trade_no: 'T2026010100001',
  transaction_id: '4200000001202601011234567890',
  trade_type: 'JSAPI',
  trade_state: 'SUCCESS',
  trade_state_desc: '支付成功',
  bank_type: 'OTHERS',
  attach: '',
  success_time: '2026-01-01T08:00:01+08:00',
  payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
  amount: { total: 1250, payer_total: 1250, currency: 'CNY', payer_currency: 'CNY' },
}
export const REFUND = {
  mchid: MCH_ID,
  out_trade_no: TRADE.out_trade_no,
  transaction_id: TRADE.transaction_id,
  out_refund_no: 'T2026010100001-1',
  refund_id: '50300000012026010112345678901',
  refund_status: 'SUCCESS',
  success_time: '2026-01-01T09:00:00+08:00',
  amount: { total: 1250, refund: 250, payer_total: 1250, payer_refund: 250 },
  user_received_account: '支付用户零钱',
}

export interface Made {
  type?: string
  resource?: unknown
  /** How the resource is encrypted. */
  cipher?: Parameters<typeof encrypted>[1]
  /** Changes the envelope before it is signed. */
  envelope?: object
  seal?: SealOptions
  /** The body itself, signed unchanged. */
  body?: string
  /** Changes the headers after signing. */
  headers?: NotificationMessage['headers']
}

/** A notification as WeChat sends it, with these changes. */
export function notification({
  type = 'TRANSACTION.SUCCESS',
  resource = TRADE,
  cipher = {},
  envelope = {},
  seal = {},
  body,
  headers = {},
}: Made = {}): NotificationMessage {
  const plain = typeof resource === 'string' ? resource : JSON.stringify(resource)
  const text =
    body ??
    JSON.stringify({
      id: '0c5f9c1e-6d3b-5a1e-9c0f-2b7d8a4e6f10',
      create_time: '2026-01-01T08:00:01+08:00',
      resource_type: 'encrypt-resource',
      event_type: type,
      summary: '支付成功',
      resource: encrypted(plain, cipher),
      ...envelope,
    })
  return { headers: { ...sealed(text, seal), ...headers }, body: Buffer.from(text) }
}

/** Every way in which a notification can be wrong, and the fault for which it is refused. */
export const BAD: [name: string, message: NotificationMessage, fault: NotificationFault][] = [
  ...['timestamp', 'nonce', 'serial', 'signature'].flatMap((name): typeof BAD => [
    [`without Wechatpay-${name}`, notification({ headers: { [`wechatpay-${name}`]: undefined } }), 'incomplete'],
    [`with an empty Wechatpay-${name}`, notification({ headers: { [`wechatpay-${name}`]: '' } }), 'incomplete'],
    [`with Wechatpay-${name} twice`, notification({ headers: { [`wechatpay-${name}`]: 'a, b' } }), 'incomplete'],
  ]),
  ['with headers of another service', { headers: { 'x-signature': 'AAAA' }, body: Buffer.from('{}') }, 'incomplete'],
  ['without anything', { headers: {}, body: Buffer.alloc(0) }, 'incomplete'],
  ...[-301, 301, -86_400, 86_400].map((seconds): (typeof BAD)[number] => [
    `signed ${seconds} s from now`,
    notification({ seal: { timestamp: String(Number(SECONDS) + seconds) } }),
    'stale',
  ]),
  ['with a timestamp in ms', notification({ seal: { timestamp: `${SECONDS}000` } }), 'stale'],
  ['with a timestamp that is a date', notification({ seal: { timestamp: '2026-01-01T00:00:00Z' } }), 'stale'],
  ['under an unknown public key', notification({ seal: { serial: 'PUB_KEY_ID_1' } }), 'unknown-key'],
  ['under an unknown certificate', notification({ seal: { by: 'certificate' } }), 'unknown-key'],
  [
    'under the key name of another merchant',
    notification({ seal: { serial: `${PUBLIC_KEY.serial}0` } }),
    'unknown-key',
  ],
  [
    "signed with a certificate's key under the name of the public key",
    notification({ seal: { by: 'certificate', serial: PUBLIC_KEY.serial } }),
    'bad-signature',
  ],
  ['with an empty signature value', notification({ seal: { signature: 'AAAA' } }), 'bad-signature'],
  ['with a signature that is not base64', notification({ seal: { signature: '!!!!' } }), 'bad-signature'],
  [
    'with the timestamp of another message',
    notification({ headers: { 'wechatpay-timestamp': String(Number(SECONDS) + 1) } }),
    'bad-signature',
  ],
  ['with the nonce of another message', notification({ headers: { 'wechatpay-nonce': 'another' } }), 'bad-signature'],
  [
    'rewritten',
    { ...notification(), body: Buffer.from(JSON.stringify(JSON.parse(notification().body.toString()), null, 1)) },
    'bad-signature',
  ],
  [
    'with an extra byte',
    { ...notification(), body: Buffer.concat([notification().body, Buffer.from('\n')]) },
    'bad-signature',
  ],
  [
    'with a BOM',
    { ...notification(), body: Buffer.concat([Buffer.from('\ufeff'), notification().body]) },
    'bad-signature',
  ],
  ['of a megabyte, not signed', { ...notification(), body: Buffer.alloc(1024 * 1024, 'x') }, 'bad-signature'],
  [
    'that is a probe, as documented',
    notification({ seal: { signature: v3().ofKind('probe-signature')[0]!.signature } }),
    'probe',
  ],
  [
    'that is a probe, as on the wire',
    notification({ seal: { signature: `WECHATPAY/SIGNTEST/${'A'.repeat(336)}` } }),
    'probe',
  ],
  ['that is not JSON', notification({ body: 'hello' }), 'unreadable'],
  ['that is empty', notification({ body: '' }), 'unreadable'],
  ['that is null', notification({ body: 'null' }), 'incomplete'],
  ['that is an array', notification({ body: '[]' }), 'incomplete'],
  ['without an id', notification({ envelope: { id: undefined } }), 'incomplete'],
  ['with an id that is a number', notification({ envelope: { id: 1 } }), 'incomplete'],
  ['without a type', notification({ envelope: { event_type: '' } }), 'incomplete'],
  ['without a resource', notification({ envelope: { resource: null } }), 'incomplete'],
  [
    'with a resource without a nonce',
    notification({ envelope: { resource: { ...encrypted('{}'), nonce: undefined } } }),
    'incomplete',
  ],
  [
    'with a ciphertext that is a number',
    notification({ envelope: { resource: { ...encrypted('{}'), ciphertext: 1 } } }),
    'incomplete',
  ],
  [
    'encrypted by SM4',
    notification({ envelope: { resource: { ...encrypted('{}'), algorithm: 'AEAD_SM4_GCM' } } }),
    'not-decrypted',
  ],
  ['encrypted under another key', notification({ cipher: { key: 'x'.repeat(32) } }), 'not-decrypted'],
  [
    'with the associated data of another message',
    notification({ envelope: { resource: { ...encrypted(JSON.stringify(TRADE)), associated_data: 'refund' } } }),
    'not-decrypted',
  ],
  [
    'with a ciphertext shorter than its tag',
    notification({ envelope: { resource: { ...encrypted('{}'), ciphertext: Buffer.alloc(15).toString('base64') } } }),
    'not-decrypted',
  ],
  [
    'with a flipped bit in the ciphertext',
    notification({
      envelope: {
        resource: {
          ...encrypted('{}'),
          ciphertext: encrypted('{}').ciphertext.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
        },
      },
    }),
    'not-decrypted',
  ],
  ...Array.from({ length: 16 }, (_, byte): (typeof BAD)[number] => {
    const sealed = encrypted(JSON.stringify(TRADE))
    const bytes = Buffer.from(sealed.ciphertext, 'base64')
    bytes[bytes.length - 16 + byte]! ^= 1 << (byte % 8)
    const resource = { ...sealed, ciphertext: bytes.toString('base64') }
    return [`with a bit of byte ${byte} of its tag flipped`, notification({ envelope: { resource } }), 'not-decrypted']
  }),
  [
    'without the associated data it was encrypted with',
    notification({ envelope: { resource: { ...encrypted(JSON.stringify(TRADE)), associated_data: '' } } }),
    'not-decrypted',
  ],
  [
    'encrypted with AES-128, under the first half of the key',
    notification({ envelope: { resource: encrypted(JSON.stringify(TRADE), { bits: 128 }) } }),
    'not-decrypted',
  ],
  [
    'with a nonce of eight characters',
    notification({ envelope: { resource: { ...encrypted('{}'), nonce: 'EcZ9Cmy4' } } }),
    'not-decrypted',
  ],
  ['whose resource is not JSON', notification({ resource: 'hello' }), 'unreadable'],
  ['whose resource is null', notification({ resource: 'null' }), 'wrong-account'],
  ['for another merchant', notification({ resource: { ...TRADE, mchid: '1900000100' } }), 'wrong-account'],
  ['for another app', notification({ resource: { ...TRADE, appid: 'wx0000000000000000' } }), 'wrong-account'],
  ['without an app', notification({ resource: { ...TRADE, appid: undefined } }), 'wrong-account'],
  [
    'of a refund of another merchant',
    notification({ type: 'REFUND.SUCCESS', resource: { ...REFUND, mchid: '1900000100' } }),
    'wrong-account',
  ],
  ['without an order', notification({ resource: { ...TRADE, out_trade_no: '' } }), 'incomplete'],
  ['without a transaction', notification({ resource: { ...TRADE, transaction_id: null } }), 'incomplete'],
  ['without a payer', notification({ resource: { ...TRADE, payer: {} } }), 'incomplete'],
  ['without an amount', notification({ resource: { ...TRADE, amount: {} } }), 'incomplete'],
  ['with an amount in yuan', notification({ resource: { ...TRADE, amount: { total: 12.5 } } }), 'incomplete'],
  [
    'with an amount that is a string',
    notification({ resource: { ...TRADE, amount: { total: '1250' } } }),
    'incomplete',
  ],
  ['with a negative amount', notification({ resource: { ...TRADE, amount: { total: -1250 } } }), 'incomplete'],
  [
    'with a time in the form of API v2',
    notification({ resource: { ...TRADE, success_time: '20260101080001' } }),
    'incomplete',
  ],
  ['with an unknown state', notification({ resource: { ...TRADE, trade_state: 'success' } }), 'incomplete'],
  [
    'of a refund without a number',
    notification({ type: 'REFUND.SUCCESS', resource: { ...REFUND, out_refund_no: '' } }),
    'incomplete',
  ],
  [
    'about a refund, with the field name of a reply',
    notification({ type: 'REFUND.SUCCESS', resource: { ...REFUND, refund_status: undefined, status: 'SUCCESS' } }),
    'incomplete',
  ],
  ['about a refund, as a payment', notification({ resource: REFUND }), 'wrong-account'],
  ['of a payment as a refund', notification({ type: 'REFUND.SUCCESS', resource: TRADE }), 'incomplete'],
]
