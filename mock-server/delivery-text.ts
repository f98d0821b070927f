import type { Delivery } from './notification.ts'

/** The request of a delivery as it went over the wire. */
export function rawRequest({ url, request: { headers, body } }: Delivery): string {
  const { host, pathname, search } = new URL(url)
  const lines = Object.entries({ host, ...headers, 'content-length': Buffer.byteLength(body) }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return [`POST ${pathname}${search} HTTP/1.1`, ...lines, '', body].join('\r\n')
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** A shell command that sends the same once more. */
export function curlCommand({ url, request: { headers, body } }: Delivery): string {
  const options = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`)
  return ['curl -i', quoted(url), ...options, '--data-binary', quoted(body)].join(' ')
}

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')

/** A delivery with the bytes of both bodies. */
export function deliveryView({ response, ...delivery }: Delivery) {
  const { raw, ...reply } = response ?? {}
  return {
    ...delivery,
    request: { ...delivery.request, base64: base64(delivery.request.body) },
    ...(response && { response: { ...reply, base64: base64(raw ?? response.body) } }),
  }
}
