import { expiryOf } from '../client/certificate.ts'
import type { Config } from './options.ts'
import { isLoopback } from './urls.ts'

export interface Notice {
  level: 'warn' | 'error'
  text: string
}

const NOTICE_MS = 30 * 24 * 60 * 60 * 1000

/** What the log says once at start: what works today, and nobody should find out later. `at` is the real time, as TLS counts by it. */
export function noticesOf({ hosts, cert }: Pick<Config, 'hosts' | 'cert'>, at: Date): Notice[] {
  const notices: Notice[] = []
  const { protocol, hostname, origin } = new URL(hosts.miniProgram[0]!)
  if (protocol === 'http:' && !isLoopback(hostname)) {
    notices.push({
      level: 'warn',
      text: `\`baseUrl\` ${origin} is plain HTTP to another machine: whoever is on the way reads the app secret and the login codes, and can answer in WeChat's place. Use https`,
    })
  }
  const expiry = cert && expiryOf(cert)
  if (expiry !== undefined && expiry.getTime() - at.getTime() < NOTICE_MS) {
    const day = expiry.toISOString().slice(0, 10)
    notices.push(
      expiry <= at
        ? {
            level: 'error',
            text: `\`merchant.cert\` expired on ${day}: WeChat takes no refund until it is replaced. Get a new API certificate in the merchant platform`,
          }
        : {
            level: 'warn',
            text: `\`merchant.cert\` expires on ${day}, and refunds stop then. Get a new API certificate in the merchant platform`,
          },
    )
  }
  return notices
}
