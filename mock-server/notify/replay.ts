import type { Delivery } from './notification.ts'

/** The request of a delivery as it went over the wire. */
export function rawRequest({ url, request: { headers, body } }: Pick<Delivery, 'url' | 'request'>): string {
  const { host, pathname, search } = new URL(url)
  const lines = Object.entries({ host, ...headers, 'content-length': Buffer.byteLength(body) }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return [`POST ${pathname}${search} HTTP/1.1`, ...lines, '', body].join('\r\n')
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** A shell command that sends the same request again. */
export function curlCommand({ url, request: { headers, body } }: Pick<Delivery, 'url' | 'request'>): string {
  const options = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`)
  return ['curl -i', quoted(url), ...options, '--data-binary', quoted(body)].join(' ')
}
