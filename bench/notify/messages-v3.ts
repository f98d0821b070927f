import { createCipheriv, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { ACCOUNT, OPENID, orderOf } from './messages.ts'
import type { Message } from './messages.ts'

export const API_V3_KEY = 'BenchOfApiV3Key0123456789abcdefg'
export const PUBLIC_KEY_ID = 'PUB_KEY_ID_0119000001092026010100000000000001'

/**
 * WeChat's notifications of payments by API v3, as recorded ones are, about 1.2 KB with their headers. All carry the same `timestamp`, in seconds; a signature
 * takes half a millisecond, so each message is made once.
 */
export function notificationsV3(privateKey: KeyObject, timestamp: number): (n: number) => Message {
  const made = new Map<number, Message>()
  function make(n: number): Message {
    const { outTradeNo, transactionId, totalFee } = orderOf(n)
    const resource = {
      mchid: ACCOUNT.mchId,
      appid: ACCOUNT.appid,
      out_trade_no: outTradeNo,
      transaction_id: transactionId,
      trade_type: 'JSAPI',
      trade_state: 'SUCCESS',
      trade_state_desc: '支付成功',
      bank_type: 'CMB_CREDIT',
      attach: '茶叶 2 盒，门店自提',
      success_time: '2026-01-15T09:31:12+08:00',
      payer: { openid: OPENID },
      amount: { total: totalFee, payer_total: totalFee - 50, currency: 'CNY', payer_currency: 'CNY' },
    }
    const nonce = String(n).padStart(12, '0')
    const cipher = createCipheriv('aes-256-gcm', API_V3_KEY, nonce)
    cipher.setAAD(Buffer.from('transaction'))
    const ciphertext = Buffer.concat([cipher.update(JSON.stringify(resource)), cipher.final(), cipher.getAuthTag()])
    const body = JSON.stringify({
      id: `0c5f9c1e-6d3b-5a1e-9c0f-${nonce}`,
      create_time: '2026-01-15T09:31:12+08:00',
      resource_type: 'encrypt-resource',
      event_type: 'TRANSACTION.SUCCESS',
      summary: '支付成功',
      resource: {
        original_type: 'transaction',
        algorithm: 'AEAD_AES_256_GCM',
        ciphertext: ciphertext.toString('base64'),
        associated_data: 'transaction',
        nonce,
      },
    })
    const text = Buffer.from(`${timestamp}\n${nonce}\n${body}\n`)
    return {
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'wechatpay-timestamp': String(timestamp),
        'wechatpay-nonce': nonce,
        'wechatpay-serial': PUBLIC_KEY_ID,
        'wechatpay-signature': sign('sha256', text, privateKey).toString('base64'),
        'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
      },
      body: Buffer.from(body),
    }
  }
  return (n) => {
    const message = made.get(n) ?? make(n)
    made.set(n, message)
    return message
  }
}

/** The same with another byte in the ciphertext under the old signature. */
export function forgedV3({ headers, body }: Message): Message {
  return { headers, body: Buffer.from(body.toString().replace('"ciphertext":"', '"ciphertext":"A')) }
}
