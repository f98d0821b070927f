import { badInput } from '../../base/checks.ts'
import type { Credentials, V3Credentials } from '../../ledger/merchant.ts'
import type { WorldState } from './state.ts'

const NAMES = ['appid', 'appSecret', 'mchId', 'apiKey', 'apiV3Key'] as const

/** What a world is created with, so that it can import an export. */
export interface OwnerCredentials extends Credentials, Pick<V3Credentials, 'apiV3Key'> {}

/** A world as a file: JSON, with dates as `{ "$date": … }` and bytes as `{ "$bytes": … }`. */
export interface WorldExport {
  readonly format: typeof FORMAT
  /** The owner of these orders: they can only be imported into a world of the same merchant and app. */
  readonly credentials: OwnerCredentials
  readonly state: unknown
}

/** Changes with the format of the state. */
const FORMAT = 'wechat-mock/3'

function encode(value: unknown): unknown {
  if (value instanceof Date) return { $date: value.toISOString() }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map(encode)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, encode(field)]))
}

function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode)
  if (typeof value !== 'object' || value === null) return value
  const { $date: date, $bytes: bytes } = value as { $date?: unknown; $bytes?: unknown }
  if (typeof date === 'string') return new Date(date)
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64')
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, decode(field)]))
}

export const toExport = (
  { appid, appSecret, mchId, apiKey, apiV3Key }: OwnerCredentials,
  state: WorldState,
): WorldExport => ({
  format: FORMAT,
  credentials: { appid, appSecret, mchId, apiKey, apiV3Key },
  state: encode(state),
})

/** @throws MockError BAD_INPUT */
export function fromExport({ format, credentials, state }: WorldExport, own: OwnerCredentials): WorldState {
  if (format !== FORMAT) throw badInput('format', 'const', `must be ${FORMAT}; got ${JSON.stringify(format)}`)
  const other = NAMES.find((name) => credentials[name] !== own[name])
  if (other !== undefined) {
    throw badInput(
      `credentials.${other}`,
      'const',
      'must be that of this world: create a world with the credentials of the export, then import into it',
    )
  }
  return decode(state) as WorldState
}
