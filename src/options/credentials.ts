import { keysOf } from './keys.ts'

/** Keys that WeChat's own documents and demos print (signing rules 4_3, PHP demo): anybody can sign with them. */
const PRINTED = ['192006250b4c09247ec02edce69f6a2d', '8934e7d15453e97507ef794cf7b0519d']

/** `<api key>`, `${API_KEY}`, `your_api_key…`, or at most ten characters repeated: not drawn at random. */
const PLACEHOLDER =
  /^<[\w -]+>$|^\$?\{+[\w .]+\}+$|your([-_ ]|app|api|key|mch|merchant|secret|wechat)|placeholder|change.?me|replace.?(me|with|this)|x{8}|\*{8}/i
const REPEATED = /^(.{1,10}?)\1+.{0,9}$/

/** The secrets as given, one key or two each, in any form; with `apps`, those of all of them. */
interface Given {
  appSecret: readonly unknown[]
  apiKey: unknown
  apiV3Key: unknown
  mchId: unknown
}

/**
 * Values that have the form of a key but cannot be one, each with the reason and without the value. An APIv3 key given as the APIv2 key cannot be
 * recognised here: it leads to 签名错误 at the first order.
 */
export function mixUps({ appSecret, apiKey, apiV3Key, mchId }: Given): string[] {
  const faults = new Set<string>()
  const appSecrets = appSecret.filter(isKey)
  if (appSecrets.some(isPlaceholder)) {
    faults.add('`appSecret` is a placeholder: take the app secret from the mini program console')
  }
  const v2Keys = keysOf(apiKey).filter(isKey)
  const kinds = { apiKey: [v2Keys, 'APIv2'], apiV3Key: [keysOf(apiV3Key).filter(isKey), 'APIv3'] } as const
  for (const [name, [keys, kind]] of Object.entries(kinds)) {
    for (const key of keys) {
      const reason =
        (appSecrets.includes(key.toLowerCase()) && 'is the app secret') ||
        (name === 'apiV3Key' && v2Keys.includes(key) && 'is the APIv2 key') ||
        (typeof mchId === 'string' && key.replaceAll(mchId, '').length < 10 && 'is made of the merchant number') ||
        (PRINTED.includes(key.toLowerCase()) && "is printed in WeChat's documents, so anybody can sign with it") ||
        (isPlaceholder(key) && 'is a placeholder')
      if (reason) {
        faults.add(
          `\`merchant.${name}\` ${reason}: take the ${kind} key that is set in the merchant platform, or set a new one there`,
        )
      }
    }
  }
  return [...faults]
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && value.length === 32
}

function isPlaceholder(key: string): boolean {
  return PLACEHOLDER.test(key) || REPEATED.test(key)
}
