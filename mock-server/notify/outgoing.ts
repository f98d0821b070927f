import type { Outgoing } from '../faults/hooks.ts'
import type { ApiVersion } from '../wire/names.ts'
import type { NotificationData } from './notification.ts'

/** Signs a notification of API v3; called for each send. */
export type NoticeSigner = (data: Pick<NotificationData, 'mchId' | 'signing'>) => NonNullable<Outgoing['sign']>

/** As in the recorded requests; API v3 in WeChat's spelling, because clients look up its other headers with their case. */
const HEADERS: Readonly<Record<ApiVersion, Outgoing['headers']>> = {
  v2: { 'content-type': 'text/xml', 'user-agent': 'Mozilla/4.0', accept: '*/*', pragma: 'no-cache' },
  v3: {
    'Content-Type': 'application/json',
    'User-Agent': 'Mozilla/4.0',
    Accept: '*/*',
    'Cache-Control': 'no-cache',
    Pragma: 'no-cache',
  },
}

/** With other headers, if the signing says so; null removes one, whatever its case. */
function withHeaders(headers: Outgoing['headers'], signing: NotificationData['signing']): Outgoing['headers'] {
  if (!signing) return headers
  const changes = signing.headers
  const names = Object.keys(changes).map((name) => name.toLowerCase())
  return Object.fromEntries([
    ...Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase())),
    ...Object.entries(changes).filter((change): change is [string, string] => change[1] !== null),
  ])
}

/** The headers that a body is sent with. */
export function noticeHeaders(
  { version, body, signing, mchId }: Pick<NotificationData, 'version' | 'body' | 'signing' | 'mchId'>,
  signer: NoticeSigner,
): Outgoing['headers'] {
  return withHeaders({ ...HEADERS[version], ...(version === 'v3' && signer({ mchId, signing })(body)) }, signing)
}

/** A notification as it is to be sent. */
export function outgoingOf(data: NotificationData, signer: NoticeSigner | undefined): Outgoing {
  const { version, url, body, signing } = data
  const sign = version === 'v3' ? signer!(data) : undefined
  return {
    url,
    headers: withHeaders({ ...HEADERS[version], ...sign?.(body) }, signing),
    body,
    ...(sign && { sign }),
  }
}
