import { sealAead } from '../../wire/aead-v3.ts'
import { rfc3339 } from '../../wire/time.ts'
import { V3Error } from './answers.ts'
import { string } from './fields.ts'
import type { V3Endpoint } from './receive.ts'

const NONE =
  '无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。可查看指引https://pay.weixin.qq.com/docs/merchant/products/platform-certificate/wxp-pub-key-guide.html'

/** How a merchant without platform certificates is refused. */
const REFUSALS = {
  '404': () => new V3Error('RESOURCE_NOT_EXISTS', { message: NONE }),
  '403': () => new V3Error('NO_AUTH', { message: NONE }),
  '500': () => new V3Error('SYSTEM_ERROR', { message: '系统繁忙，请稍后重试' }),
}

/** GET certificates (4012551764): the certificates WeChat signs with, encrypted with the APIv3 key. */
export const certificates: V3Endpoint = {
  api: 'certificates',
  method: 'GET',
  path: '/v3/certificates',
  query: { algorithm_type: string('算法类型', 16, { values: ['RSA', 'SM2', 'ALL'] }) },
  handle: ({ world, account }) => {
    if (account.keyMode === 'public-key') throw REFUSALS[world.behaviour.v3NoCertificates]()
    const { apiV3Key, keys, random } = account
    const number = world.nextReply()
    return {
      data: keys.platformCertificates().map((certificate) => {
        const { serialNo, validFrom, validTo } = certificate
        const nonce = random.hex(12, 'certificate nonce', number, serialNo)
        return {
          effective_time: rfc3339(validFrom),
          encrypt_certificate: {
            algorithm: 'AEAD_AES_256_GCM',
            associated_data: 'certificate',
            ciphertext: sealAead(certificate.pair().cert, apiV3Key, nonce, 'certificate'),
            nonce,
          },
          expire_time: rfc3339(validTo),
          serial_no: serialNo,
        }
      }),
    }
  },
}
