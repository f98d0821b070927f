import { DOCS } from '../parts/row.ts'
import type { Bench } from '../parts/bench.ts'
import type { Dialect } from '../common/dialect.ts'
import { fieldsOf, sealed, signedShot, xmlOf } from './forms.ts'

const DAY_MS = 24 * 3600_000
const yesterday = (bench: Bench) =>
  new Date(bench.world.clock.now().getTime() - DAY_MS + 8 * 3600_000).toISOString().replace(/\D/g, '').slice(0, 14)

export const V2: Dialect = {
  id: (number) => `N-${number}`,
  source: DOCS.notify,
  changed: (changes) => signedShot(changes),
  again: (bench, no) => signedShot({ nonce_str: bench.random.alphanumeric(32, 'nonce') })(bench, no),
  reordered: (bench, no) => bench.bytes(xmlOf(sealed(bench, no, fieldsOf(bench, no)).reverse(), { between: '\n' })),
  old: (bench, no) => signedShot({ time_end: yesterday(bench) })(bench, no),
  failed: signedShot({ result_code: 'FAIL', err_code: 'NOTENOUGH' }),
  odd: (genuine) => [
    '',
    '{',
    genuine.replace('</xml>', ''),
    "<xml><out_trade_no>'</out_trade_no></xml>",
    genuine.replace(/<sign>.*<\/sign>/, '<sign/>'),
    '<xml>&x;</xml>',
    '\0',
  ],
  contentType: 'text/xml',
  otherType: 'application/xml',
}
