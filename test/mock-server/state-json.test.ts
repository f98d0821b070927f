import t from 'tap'
import { fromExport, toExport } from '../../mock-server/state-json.ts'
import type { WorldState } from '../../mock-server/state.ts'

const credentials = { appid: 'wx1', appSecret: 's', mchId: '1', apiKey: 'k' }

t.test('dates, bytes, and everything else', async (t) => {
  const state = {
    now: new Date(5),
    raw: Buffer.from([1, 2]),
    list: [new Date(6), null, 'x', 1, true, { deep: new Date(7) }],
    none: null,
  } as unknown as WorldState
  const exported = JSON.parse(JSON.stringify(toExport(credentials, state)))
  t.match(exported, {
    format: 'wechat-mock/1',
    credentials,
    state: { now: { $date: '1970-01-01T00:00:00.005Z' }, raw: { $bytes: 'AQI=' } },
  })
  t.same(fromExport(exported, credentials), state)
})
