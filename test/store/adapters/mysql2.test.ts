import mysql2 from 'mysql2/promise'
import t from 'tap'
import { fromMysql2 } from '../../../src/store/adapters/mysql2.ts'
import { contract, mysql } from '../databases.ts'

const uri = await mysql(t)

t.test('MariaDB or MySQL', { skip: uri === undefined && 'no server is installed here, and MYSQL_URL is not set' }, async (t) => {
  const pool = mysql2.createPool({ uri: uri! })
  t.teardown(() => pool.end())
  await contract(t, fromMysql2(pool), (tx, id) => tx.query('insert into own (id) values (?)', [id]))
})
