/**
 * PASS: one of the outcomes that a careful engineer might choose. LAX: tolerable. FAIL: wrong. INFO: there is no single right
 * answer, so it is only shown. SKIP: it could not be seen. ERROR: the runner's own fault.
 */
export const CARD_VERDICTS = ['PASS', 'LAX', 'FAIL', 'INFO', 'SKIP', 'ERROR'] as const
export type CardVerdict = (typeof CARD_VERDICTS)[number]

export const SEVERITIES = ['money', 'security', 'availability', 'hygiene'] as const
/** What a failure costs. */
export type Severity = (typeof SEVERITIES)[number]

/** L0: the notify URL alone. L1: the backend makes orders. L2: it tells what has become of them. */
export type Level = 'L0' | 'L1' | 'L2'

/**
 * What a case cannot do without. `acks`: a backend that takes a genuine notification; `orders`: orders that the backend
 * itself has made; `probe`: its word on an order; `close`: a way to close an order there; `refunds`: a URL for refund
 * notifications; `login`: a login route.
 */
export type Need = 'acks' | 'orders' | 'probe' | 'close' | 'refunds' | 'login'

/** What a case came to, where that is not plain PASS: thrown to end it. */
export class Ruling extends Error {
  override readonly name = 'Ruling'
  readonly verdict: CardVerdict

  constructor(verdict: CardVerdict, said: string) {
    super(said)
    this.verdict = verdict
  }
}
