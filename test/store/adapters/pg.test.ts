import type pg from 'pg'
import t from 'tap'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { keepsContract, pgPool } from '../databases.ts'

await keepsContract(t, {
  postgres (url, t) {
    return { executor: fromPg(pgPool(url, t)), write: (tx: pg.PoolClient, id) => tx.query('insert into own (id) values ($1)', [id]) }
  }
})
