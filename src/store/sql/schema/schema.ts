import { DIALECTS } from '../dialects.ts'
import { tables } from './tables.ts'
import type { Table, Tables } from './tables.ts'
import { VERSIONS } from './versions.ts'
import type { Differences } from '../dialects.ts'
import type { Dialect } from '../../executor.ts'

/** Which statements `schema` returns. */
export interface SchemaOptions {
  /** Prefix of the table names. Default `wechat_`. */
  tablePrefix?: string | undefined
  /** The version the tables have already: only newer statements are returned. Default 0, none. */
  from?: number | undefined
}

/**
 * The statements that make the tables of `sqlStore`, for migrations of your own; `store.migrate()` runs the same. Each does nothing if it has been
 * applied before.
 *
 * @throws {WechatError} `WECHAT_OPTIONS_INVALID`
 */
export function schema(dialect: Dialect, { tablePrefix, from = 0 }: SchemaOptions = {}): string[] {
  return migrations(dialect, tables(tablePrefix)).slice(from).flat()
}

/** The statements of each version, version 1 first. They upgrade the version before and record the upgrade. */
export function migrations(dialect: Dialect, names: Tables): string[][] {
  const differences = DIALECTS[dialect]
  return VERSIONS.map((version, n) => [
    ...version(names, differences).flatMap((step) => (typeof step === 'string' ? [step] : create(step, differences))),
    `insert into ${names.versions} (version) select ${n + 1} from (select count(*) as count from ${names.versions} where version = ${n + 1}) as known where count = 0`,
  ])
}

function create({ name: table, columns, indexes = [], options = '' }: Table, { ddl }: Differences): string[] {
  const named = indexes.map(({ name, columns, partial = false }) => ({
    name: `${table}_${name}`,
    columns,
    where: partial ? ` where ${columns} is not null` : '',
  }))
  const inside = ddl.indexInside ? named.map(({ name, columns }) => `key ${name} (${columns})`) : []
  const beside = ddl.indexInside
    ? []
    : named.map(({ name, columns, where }) => `create index if not exists ${name} on ${table} (${columns})${where}`)
  return [
    `create table if not exists ${table} (\n  ${[...columns, ...inside].join(',\n  ')}\n)${ddl.tableOptions}${options}`,
    ...beside,
  ]
}
