import Fastify from 'fastify'
import t from 'tap'
import { stateRoutes } from '../../../mock-server/control/state.ts'
import type { Worlds } from '../../../mock-server/mock.ts'
import { control, placeOrder, startMock, startShop } from '../helpers.ts'

const W = '/worlds/default'

async function setup(t: Parameters<typeof startMock>[0]) {
  const mock = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl)
  return { mock, world: mock.default, shop }
}

t.test('snapshot and restore', async (t) => {
  const { mock, world } = await setup(t)
  t.same(await control(mock, 'POST', `${W}/snapshots`, { name: 'ordered' }), {
    status: 201,
    json: { name: 'ordered', at: '2026-01-15T04:00:00.000Z' },
  })
  t.match(await control(mock, 'POST', `${W}/snapshots`), { status: 201, json: { name: 's2' } })
  t.match(await control(mock, 'GET', `${W}/snapshots`), { status: 200, json: [{ name: 'ordered' }, { name: 's2' }] })
  await world.pay('tea-0001')
  await world.advance('1h')
  t.same(await control(mock, 'POST', `${W}/snapshots/ordered/restore`), {
    status: 200,
    json: { now: '2026-01-15T04:00:00.000Z' },
  })
  t.equal(world.order('tea-0001').tradeState, 'NOTPAY')
  t.same(await control(mock, 'DELETE', `${W}/snapshots/s2`), { status: 200, json: { name: 's2' } })
  t.match(await control(mock, 'GET', `${W}/snapshots`), { json: [{ name: 'ordered' }] })
  for (const name of ['s2', 'lost']) {
    t.match(await control(mock, 'DELETE', `${W}/snapshots/${name}`), {
      status: 404,
      json: { code: 'UNKNOWN_SNAPSHOT' },
    })
  }
  t.match(await control(mock, 'POST', `${W}/snapshots/lost/restore`), {
    status: 404,
    json: { code: 'UNKNOWN_SNAPSHOT' },
  })
})

t.test('export and import', async (t) => {
  const { mock, world } = await setup(t)
  const { json } = await control(mock, 'GET', `${W}/export`)
  t.same(await control(mock, 'POST', `${W}/reset`), { status: 200, json: { now: '2026-01-15T04:00:00.000Z' } })
  t.same(world.orders(), [])
  t.match(await control(mock, 'PUT', `${W}/import`, json), { status: 200, json: { now: '2026-01-15T04:00:00.000Z' } })
  t.equal(world.orders().length, 1)
  const cases: [body: object, field: string][] = [
    [{}, 'format'],
    [{ ...json, state: {} }, 'state.now'],
    [{ ...json, format: 'x' }, 'format'],
    [{ ...json, credentials: { ...json.credentials, mchId: '1' } }, 'credentials.mchId'],
  ]
  for (const [body, field] of cases) {
    t.match(await control(mock, 'PUT', `${W}/import`, body), { status: 400, json: { code: 'BAD_INPUT', field } }, field)
  }
})

t.test('an import that is too long says what to do', async (t) => {
  const app = Fastify()
  stateRoutes(app, {} as Worlds, 10)
  t.match((await app.inject({ method: 'PUT', url: `${W}/import`, payload: { state: 'long' } })).json(), {
    code: 'BAD_INPUT',
    message: /^body: must not be longer than 10 bytes; .*empty the journal .*maxJournal/,
  })
})

t.test('reset parts', async (t) => {
  const { mock, world } = await setup(t)
  await control(mock, 'POST', `${W}/reset?what=journal,faults`)
  t.same([world.journal.entries().length, world.orders().length], [0, 1])
  await control(mock, 'POST', `${W}/snapshots`)
  t.equal((await control(mock, 'POST', `${W}/reset`, { what: 'journal,faults' })).status, 200)
  t.equal(world.orders().length, 1, 'in the body too')
  t.match(await control(mock, 'POST', `${W}/reset?what=journal`, { what: 'journal' }), {
    status: 400,
    json: { field: 'what', message: 'what: say it in the body or in the query, not in both' },
  })
  for (const path of ['reset', 'snapshots/s1/restore', 'assert-drained']) {
    t.match(
      await control(mock, 'POST', `${W}/${path}`, { wat: 'journal' }),
      { status: 400, json: { field: 'wat', rule: 'additionalProperties' } },
      path,
    )
  }
  t.match(await control(mock, 'POST', `${W}/reset?what=orders,jurnal`), {
    status: 400,
    json: { field: 'what', rule: 'enum', message: /got "jurnal"/ },
  })
})
