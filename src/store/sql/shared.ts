import type { Access } from './access.ts'
import type { Differences } from './dialects.ts'
import { isConflict, repeated } from '../failures.ts'
import type { Tables } from './schema/tables.ts'
import type { Store } from '../store.ts'

/** Values that processes share by name. */
export function sharedOf(
  { shared }: Tables,
  { place }: Differences,
  { reading, single }: Access<unknown>,
): Pick<Store, 'getShared' | 'swapShared'> {
  return {
    async getShared(name) {
      const [row] = await reading.rows(`select content from ${shared} where name = ${place.key}`, [name])
      return row?.content as string | undefined
    },

    async swapShared(name, before, after) {
      if (before !== undefined) {
        const sql = `update ${shared} set content = ${place.text} where name = ${place.key} and content = ${place.text}`
        return (await repeated(() => single((connection) => connection.run(sql, [after, name, before])))) === 1
      }
      const sql = `insert into ${shared} (name, content) values (${place.key}, ${place.text})`
      try {
        await repeated(() => single((connection) => connection.run(sql, [name, after])))
        return true
      } catch (error) {
        if (isConflict(error)) return false
        throw error
      }
    },
  }
}
