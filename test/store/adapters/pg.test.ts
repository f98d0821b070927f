import pg from 'pg'
import t from 'tap'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { contract, postgres } from '../databases.ts'

const pool = new pg.Pool({ connectionString: await postgres(t), max: 10 })
t.teardown(() => pool.end())

await contract(t, fromPg(pool), (tx, id) => tx.query('insert into own (id) values ($1)', [id]))
