import { DOCS } from '../parts/row.ts'
import type { Dialect } from '../common/dialect.ts'
import { envelopeShot, factsShot } from './forms.ts'

const DAY_MS = 24 * 3600_000

export const V3: Dialect = {
  id: (number) => `V-${number}`,
  source: DOCS.notifyV3,
  changed: (fields) => (bench, no) => bench.message(no, { fields }),
  again: envelopeShot((envelope) => ({ ...envelope, id: 'EV-2026011512000000001' })),
  reordered: envelopeShot((envelope) => Object.fromEntries(Object.entries(envelope).reverse())),
  old: factsShot((facts) => ({
    ...facts,
    success_time: new Date(Date.parse(String(facts.success_time)) - DAY_MS).toISOString(),
  })),
  failed: factsShot((facts) => ({ ...facts, trade_state: 'PAYERROR', trade_state_desc: '支付失败' })),
  odd: (genuine) => ['', '{', genuine.slice(0, -1), '{"resource":null}', '[]', 'null', '<xml>', '\0'],
  contentType: 'application/json',
  otherType: 'text/plain',
}
