import { expiryOf } from '../client/certificate.ts'
import type { Config, MerchantConfig } from './parse.ts'
import { isLoopback } from './urls.ts'

export interface Notice {
  level: 'warn' | 'error'
  text: string
}

const NOTICE_MS = 30 * 24 * 60 * 60 * 1000

/** A key or certificate of the merchant with an expiry date. */
interface Ending {
  option: string
  at: Date | undefined
  /** What happens after it has expired. */
  then: string
  toDo: string
}

/** Notices for the log at start, about things that work today but will not later. `at` is real time, as TLS uses it. */
export function noticesOf({ hosts, merchant }: Pick<Config, 'hosts' | 'merchant'>, at: Date): Notice[] {
  const notices: Notice[] = []
  const { protocol, hostname, origin } = new URL(hosts.miniProgram[0]!)
  if (protocol === 'http:' && !isLoopback(hostname)) {
    notices.push({
      level: 'warn',
      text: `\`baseUrl\` ${origin} is plain HTTP to another machine: anybody on the way can read the app secret and the login codes, and impersonate WeChat. Use https`,
    })
  }
  for (const { option, at: end, then, toDo } of endingsOf(merchant)) {
    if (end === undefined || end.getTime() - at.getTime() >= NOTICE_MS) continue
    const day = end.toISOString().slice(0, 10)
    notices.push(
      end <= at
        ? { level: 'error', text: `\`${option}\` expired on ${day}: ${then} until it is replaced. ${toDo}` }
        : { level: 'warn', text: `\`${option}\` expires on ${day}, and from then on ${then}. ${toDo}` },
    )
  }
  return notices
}

const NEW_CERTIFICATE = 'Get a new API certificate in the merchant platform'

function endingsOf(merchant: MerchantConfig): Ending[] {
  if (merchant.version === 'v2') {
    const { cert } = merchant
    const at = cert && expiryOf(cert)
    return [{ option: 'merchant.cert', at, then: 'WeChat accepts no refund', toDo: NEW_CERTIFICATE }]
  }
  const { certificate, platformKeys } = merchant
  const at = certificate && new Date(certificate.validTo)
  return [
    { option: 'merchant.certificate', at, then: 'WeChat accepts no call', toDo: NEW_CERTIFICATE },
    ...platformKeys.map(({ expiresAt }) => ({
      option: 'merchant.platformCertificates',
      at: expiresAt,
      then: 'messages signed with it are rejected',
      toDo: "Change to WeChat Pay's public key, or give the new certificate beside it",
    })),
  ]
}
