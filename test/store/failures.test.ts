import t from 'tap'
import { isConflict, isPassing, isRolledBack, repeated } from '../../src/store/failures.ts'
import { NASTY } from '../nonsense.ts'

const wrapped = (cause: object) => Object.assign(new Error('Failed query'), { cause })
const prisma = (cause: object) =>
  Object.assign(new Error('Raw query failed'), { code: 'P2010', meta: { driverAdapterError: wrapped(cause) } })

const ERRORS: [what: string, error: unknown, means: 'conflict' | 'passing' | 'rolled back' | 'neither'][] = [
  ['PostgreSQL: unique violation', { code: '23505' }, 'conflict'],
  ['PostgreSQL: deadlock', { code: '40P01' }, 'rolled back'],
  ['PostgreSQL: serialization failure', { code: '40001' }, 'rolled back'],
  ['PostgreSQL: not null violation', { code: '23502' }, 'neither'],
  ['MySQL: duplicate entry', { code: 'ER_DUP_ENTRY', errno: 1062 }, 'conflict'],
  ['MySQL: deadlock', { code: 'ER_LOCK_DEADLOCK', errno: 1213 }, 'rolled back'],
  ['MySQL: lock wait timeout', { code: 'ER_LOCK_WAIT_TIMEOUT', errno: 1205 }, 'passing'],
  ['MariaDB: changed since the snapshot', { code: 'ER_CHECKREAD', errno: 1020 }, 'rolled back'],
  ['PostgreSQL: lock timeout', { code: '55P03' }, 'passing'],
  ['MySQL: data too long', { code: 'ER_DATA_TOO_LONG', errno: 1406 }, 'neither'],
  ['better-sqlite3: unique', { code: 'SQLITE_CONSTRAINT_UNIQUE' }, 'conflict'],
  ['better-sqlite3: primary key', { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' }, 'conflict'],
  ['better-sqlite3: busy', { code: 'SQLITE_BUSY' }, 'passing'],
  ['better-sqlite3: changed since the snapshot', { code: 'SQLITE_BUSY_SNAPSHOT' }, 'passing'],
  ['better-sqlite3: not null', { code: 'SQLITE_CONSTRAINT_NOTNULL' }, 'neither'],
  ['node:sqlite: unique', { code: 'ERR_SQLITE_ERROR', errcode: 2067 }, 'conflict'],
  ['node:sqlite: primary key', { code: 'ERR_SQLITE_ERROR', errcode: 1555 }, 'conflict'],
  ['node:sqlite: busy', { code: 'ERR_SQLITE_ERROR', errcode: 5 }, 'passing'],
  ['node:sqlite: changed since the snapshot', { code: 'ERR_SQLITE_ERROR', errcode: 517 }, 'passing'],
  ["Drizzle wraps its driver's", wrapped({ code: '23505' }), 'conflict'],
  ["Prisma wraps its driver's", prisma({ originalCode: '1062' }), 'conflict'],
  ['Prisma: write conflict', { code: 'P2034' }, 'rolled back'],
  ['the connection is lost', { code: 'ECONNRESET', errno: -104 }, 'neither'],
  ['not an error', 'broken', 'neither'],
  ['nothing', null, 'neither'],
]

for (const [what, error, means] of ERRORS) {
  t.test(`${what}: ${means}`, async (t) => {
    t.equal(isConflict(error), means === 'conflict')
    t.equal(isPassing(error), means === 'passing' || means === 'rolled back')
    t.equal(isRolledBack(error), means === 'rolled back')
  })
}

t.test('strange errors of hooks are not taken for database errors, and are read safely', async (t) => {
  for (const [name, make] of Object.entries(NASTY)) {
    t.equal(isConflict(make()), false, name)
    t.equal(isPassing(make()), false, name)
  }
  const inner = Object.assign(new Error('inner'), { code: '40001' })
  t.equal(isPassing(Object.assign(inner, { cause: inner })), true, 'a database error that is its own cause')
})

/** Fails this many times. */
function failing(times: number, error: unknown) {
  let runs = 0
  return {
    runs: () => runs,
    run: async () => {
      if (++runs <= times) throw error
      return 'done'
    },
  }
}

t.test('temporary failures are retried', async (t) => {
  const { run, runs } = failing(3, { code: '40P01' })
  t.equal(await repeated(run), 'done')
  t.equal(runs(), 4)
})

t.test('until there were too many failures', async (t) => {
  const { run, runs } = failing(100, { code: 'SQLITE_BUSY' })
  await t.rejects(repeated(run), { code: 'SQLITE_BUSY' })
  t.equal(runs(), 8)
})

t.test('other errors are passed on at once', async (t) => {
  const { run, runs } = failing(1, { code: '23502' })
  await t.rejects(repeated(run), { code: '23502' })
  t.equal(runs(), 1)
})

t.test('the caller can decide what is retried', async (t) => {
  const { run, runs } = failing(1, { code: '40P01' })
  await t.rejects(
    repeated(run, () => false),
    { code: '40P01' },
  )
  t.equal(runs(), 1)
})
