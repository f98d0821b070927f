import type { MerchantV3, WechatPayOptions } from '../../src/options/options.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { v3 } from '../fixtures.ts'

const { keys } = v3()

/** The files of an API v3 merchant and of WeChat Pay, from the vectors. */
export const V3_FILES = {
  privateKey: keys.mock_merchant!.private_key_pem!,
  certificate: keys.mock_merchant!.certificate_pem!,
  publicKey: keys.mock_wechatpay_public_key!.public_key_pem!,
  platformCertificate: keys.mock_platform_cert!.certificate_pem!,
  ownPublicKey: keys.mock_merchant!.public_key_pem!,
  otherPrivateKey: keys.docs_merchant!.private_key_pem!,
}

export const MERCHANT_V3: MerchantV3 = {
  version: 'v3',
  mchId: '1900000109',
  apiV3Key: 'Kx7pQ2vR9mZtTea4Shop0Wb5nYc8JdHs',
  privateKey: V3_FILES.privateKey,
  serialNo: keys.mock_merchant!.certificate_serial!,
  publicKeyId: keys.mock_wechatpay_public_key!.public_key_id!,
  publicKey: V3_FILES.publicKey,
}

export const OPTIONS: WechatPayOptions = {
  appid: 'wx2421b1c4370ec43b',
  appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
  merchant: MERCHANT_V3,
  publicUrl: 'https://shop.example.com',
  store: memoryStore(),
  price: () => ({ key: 'cart-1', description: 'Tea', totalFee: 1250 }),
  onPaid: () => {},
}
