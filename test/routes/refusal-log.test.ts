import t from 'tap'
import type { NotificationFault } from '../../src/client/pay.ts'
import type { Log } from '../../src/hooks.ts'
import { createRefusalLog } from '../../src/routes/refusal-log.ts'
import { both } from '../helpers.ts'

t.test('ten lines a minute for each fault; the next one says how many were left out', async (t) => {
  const lines: object[] = []
  const line = (level: string) => (details: object, msg: string) => {
    lines.push({ level, ...details, msg })
  }
  const log = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [level, line(level)]),
  ) as never as Log
  let at = 1_000_000
  const { refused: write } = createRefusalLog(() => new Date(at))
  const refused = (fault: NotificationFault, details: object, message: string) => {
    write(log, fault, details, message)
  }
  for (let n = 0; n < 1000; n++) refused('unknown-key', { reason: `key ${n}` }, 'refused')
  t.equal(lines.length, 10)
  refused('stale', { reason: 'old' }, 'refused')
  t.strictSame(lines.at(-1), { level: 'warn', fault: 'stale', reason: 'old', msg: 'refused' }, 'another fault')
  at += 59_999
  refused('unknown-key', {}, 'refused')
  t.equal(lines.length, 11)
  at += 1
  refused('unknown-key', {}, 'refused')
  t.strictSame(lines.at(-1), { level: 'error', fault: 'unknown-key', leftOut: 991, msg: 'refused' })
  at -= 3_600_000
  refused('unknown-key', {}, 'refused')
  t.strictSame(lines.at(-1), { level: 'error', fault: 'unknown-key', msg: 'refused' }, 'a clock that was set back')
})

const GARBAGE = { v2: '<xml><sign>x</sign></xml>', v3: '{}' }

both('a thousand bogus notifications are refused and leave ten lines in the log', async (t, open, version) => {
  const { logs, notify } = await open(t)
  const headers = ['timestamp', 'nonce', 'serial', 'signature'].map((name) => [`wechatpay-${name}`, 'x'])
  for (let n = 0; n < 1000; n++) {
    const { text } = await notify(GARBAGE[version], Object.fromEntries(headers) as Record<string, string>)
    t.match(text, /FAIL/)
  }
  t.equal(logs.filter(({ level }) => Number(level) >= 40).length, 10)
})
