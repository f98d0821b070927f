import t from 'tap'
import * as door from '../../mock-server/index.ts'

t.test('the door has what a test needs, and nothing else', async (t) => {
  t.same(Object.keys(door).sort(), [
    'MockError',
    'RequestPaymentError',
    'createMockWechat',
    'createSharedClock',
    'mockFastifyPlugin',
    'overlapOf',
  ])
})
