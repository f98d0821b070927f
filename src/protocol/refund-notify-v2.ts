import { createDecipheriv, hash } from 'node:crypto'
import { WechatError } from '../errors.ts'

/**
 * Decrypts `req_info` of a V2 refund notification: AES-256-ECB with PKCS#7, the key being the 32 ASCII characters of the lower-case hex MD5 of the API
 * key (pay.weixin.qq.com doc/v2/partner/4011989265). ECB does not prevent blocks from being rearranged, so the result is a hint, not evidence.
 *
 * @throws {WechatError} `WECHAT_XML_INVALID` if it cannot be decrypted with this key
 */
export function decryptRefundNotify(reqInfo: string, apiKey: string): Buffer {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(reqInfo) || reqInfo.length % 4 !== 0) {
    throw new WechatError('WECHAT_XML_INVALID', 'req_info is not base64.')
  }
  const decipher = createDecipheriv('aes-256-ecb', hash('md5', apiKey, 'hex'), null)
  try {
    return Buffer.concat([decipher.update(reqInfo, 'base64'), decipher.final()])
  } catch {
    throw new WechatError('WECHAT_XML_INVALID', 'req_info cannot be decrypted with the API key.')
  }
}
