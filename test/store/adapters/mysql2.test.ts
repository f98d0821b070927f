import mysql2 from 'mysql2/promise'
import t from 'tap'
import { fromMysql2 } from '../../../src/store/adapters/mysql2.ts'
import { keepsContract } from '../databases.ts'

await keepsContract(t, {
  mysql (uri, t) {
    const pool = mysql2.createPool({ uri })
    t.teardown(() => pool.end())
    return { executor: fromMysql2(pool), write: (tx: mysql2.PoolConnection, id) => tx.query('insert into own (id) values (?)', [id]) }
  }
})
