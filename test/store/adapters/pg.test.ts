import pg from 'pg'
import t from 'tap'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { keepsContract } from '../databases.ts'

await keepsContract(t, {
  postgres (url, t) {
    const pool = new pg.Pool({ connectionString: url })
    t.teardown(() => pool.end())
    return { executor: fromPg(pool), write: (tx: pg.PoolClient, id) => tx.query('insert into own (id) values ($1)', [id]) }
  }
})
