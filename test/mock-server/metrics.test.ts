import t from 'tap'
import type { JournalEntry } from '../../mock-server/journal.ts'
import { createMetrics } from '../../mock-server/metrics.ts'

t.test('counts by call and by verdict, in the text format', async (t) => {
  const metrics = createMetrics()
  for (const entry of [
    { direction: 'in', api: 'refund' },
    { direction: 'in', api: 'refund' },
    { direction: 'out', api: 'notify', verdict: 'acked' },
  ]) {
    metrics.count(entry as JournalEntry)
  }
  t.equal(
    metrics.text({ wechat_mock_worlds: { help: 'Worlds there are.', value: 2 } }),
    `# HELP wechat_mock_calls_total Calls to the emulated WeChat.
# TYPE wechat_mock_calls_total counter
wechat_mock_calls_total{api="refund"} 2
# HELP wechat_mock_deliveries_total Notifications sent, by what WeChat makes of the answer.
# TYPE wechat_mock_deliveries_total counter
wechat_mock_deliveries_total{api="notify",verdict="acked"} 1
# HELP wechat_mock_worlds Worlds there are.
# TYPE wechat_mock_worlds gauge
wechat_mock_worlds 2
`,
  )
})
