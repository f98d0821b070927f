import type { Delivery } from './notification.ts'

/** The request of a delivery as it went over the wire. */
export function rawRequest({ url, request: { headers, body } }: Pick<Delivery, 'url' | 'request'>): string {
  const { host, pathname, search } = new URL(url)
  const lines = Object.entries({ host, ...headers, 'content-length': Buffer.byteLength(body) }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return [`POST ${pathname}${search} HTTP/1.1`, ...lines, '', body].join('\r\n')
}

/** One word for a POSIX shell. */
export const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

interface Replayed extends Pick<Delivery, 'url' | 'request'> {
  /** Default POST. */
  readonly method?: string
}

/** A shell command that sends the same request again. */
export function curlCommand({ url, method = 'POST', request: { headers, body } }: Replayed): string {
  const options = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`)
  const data = body === '' ? [] : ['--data-binary', quoted(body)]
  return [
    'curl -i',
    ...(method === (body === '' ? 'GET' : 'POST') ? [] : [`-X ${method}`]),
    quoted(url),
    ...options,
    ...data,
  ].join(' ')
}
