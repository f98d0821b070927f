/** Keys that WeChat's own documents and demos print (signing rules 4_3, PHP demo): anybody can sign with them. */
const PRINTED = ['192006250b4c09247ec02edce69f6a2d', '8934e7d15453e97507ef794cf7b0519d']

/** `<api key>`, `${API_KEY}`, `your_api_key…`, or at most ten characters over and over: nothing that was drawn at random. */
const PLACEHOLDER =
  /^<[\w -]+>$|^\$?\{+[\w .]+\}+$|your([-_ ]|app|api|key|mch|merchant|secret|wechat)|placeholder|change.?me|replace.?(me|with|this)|x{8}|\*{8}/i
const REPEATED = /^(.{1,10}?)\1+.{0,9}$/

/**
 * Secrets that have the form of a key and cannot be it, each with the reason and without the value. An APIv3 key in place of the APIv2 key looks the same: it is
 * found by 签名错误, at the first order.
 */
export function mixUps(appSecret: unknown, apiKey: unknown, mchId: unknown): string[] {
  const faults: string[] = []
  if (isKey(appSecret) && isPlaceholder(appSecret)) {
    faults.push('`appSecret` is a placeholder: take the app secret from the mini program console')
  }
  if (!isKey(apiKey)) return faults
  const reason =
    (isKey(appSecret) && apiKey.toLowerCase() === appSecret && 'is the app secret') ||
    (typeof mchId === 'string' && apiKey.replaceAll(mchId, '').length < 10 && 'is made of the merchant number') ||
    (PRINTED.includes(apiKey.toLowerCase()) && "is printed in WeChat's documents, so that anybody can sign with it") ||
    (isPlaceholder(apiKey) && 'is a placeholder')
  if (reason) {
    faults.push(
      `\`merchant.apiKey\` ${reason}: take the APIv2 key that is set in the merchant platform, or set a new one there`,
    )
  }
  return faults
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && value.length === 32
}

function isPlaceholder(key: string): boolean {
  return PLACEHOLDER.test(key) || REPEATED.test(key)
}
