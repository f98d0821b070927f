/** The words of the page Setup, and of the commands that other pages show until there is an order. */
export const SETUP = {
  envHint: [
    'Paste it into the .env of your app. The keys and certificates are valid only for this mock.',
    '粘贴到应用的 .env 中。密钥和证书仅属于此模拟器。',
  ],
  baseUrl: ['Base URL', '接口地址'],
  baseUrlHint: [
    'Instead of https://api.weixin.qq.com and https://api.mch.weixin.qq.com',
    '代替 https://api.weixin.qq.com 和 https://api.mch.weixin.qq.com',
  ],
  credentials: ['Credentials', '凭据'],
  commands: ['Without an app', '没有应用时'],
  orderCommands: [
    'A notify handler is enough: a command places the order. Give it the address of your handler.',
    '有通知处理程序就够了：一条命令即可下单，填上你的通知地址。',
  ],
  orderV2: ['Notified with API v2 (XML)', '按 API v2 通知（XML）'],
  orderV3: ['Notified with API v3 (JSON), as new merchants are', '按 API v3 通知（JSON），新商户用这一版'],
  keysLink: ['The keys that the handler needs, as .env', '处理程序所需的密钥（.env）'],
  payAndAdvance: ['Pay it, and let 24 hours of retries pass', '支付，然后让 24 小时的重试过去'],
  payOnly: ['Pay it; retries are sent when due', '支付；重试会按时发送'],
  keysOfV2: [
    'A v2 notification is signed with WECHAT_API_KEY (MD5, unless the order says HMAC-SHA256).',
    'v2 通知用 WECHAT_API_KEY 签名（MD5；订单使用 HMAC-SHA256 时则用它）。',
  ],
  'keysOfV3.public-key': [
    'A v3 notification is verified with WECHAT_PUBLIC_KEY, whose id is in Wechatpay-Serial, and decrypted with WECHAT_API_V3_KEY.',
    'v3 通知用 WECHAT_PUBLIC_KEY 验签（其 ID 在 Wechatpay-Serial 中），用 WECHAT_API_V3_KEY 解密。',
  ],
  'keysOfV3.certificate': [
    'A v3 notification is verified with WECHAT_PLATFORM_CERTIFICATE (a signed GET of {url} answers it too) and decrypted with WECHAT_API_V3_KEY.',
    'v3 通知用 WECHAT_PLATFORM_CERTIFICATE 验签（也可用带签名的请求从 {url} 获取），用 WECHAT_API_V3_KEY 解密。',
  ],
  'keysOfV3.changing': [
    'A v3 notification is verified with WECHAT_PUBLIC_KEY or WECHAT_PLATFORM_CERTIFICATE, as Wechatpay-Serial says (a signed GET of {url} answers the certificate too), and decrypted with WECHAT_API_V3_KEY.',
    'v3 通知按 Wechatpay-Serial 用 WECHAT_PUBLIC_KEY 或 WECHAT_PLATFORM_CERTIFICATE 验签（证书也可用带签名的请求从 {url} 获取），用 WECHAT_API_V3_KEY 解密。',
  ],
  worlds: ['Worlds', '环境'],
  virtual: ['virtual', '虚拟'],
  real: ['real', '真实'],
  newWorld: ['Create another world', '新建环境'],
  reset: ['Empty this world', '清空此环境'],
} as const
