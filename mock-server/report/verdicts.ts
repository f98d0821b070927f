/**
 * PASS: one of the outcomes that a careful engineer might choose. LAX: tolerable. FAIL: wrong. INFO: there is no single right
 * answer, so the card only shows it. SKIP: the case could not be checked. ERROR: the runner itself failed.
 */
export const CARD_VERDICTS = ['PASS', 'LAX', 'FAIL', 'INFO', 'SKIP', 'ERROR'] as const
/** The verdict on a case. */
export type CardVerdict = (typeof CARD_VERDICTS)[number]

export const SEVERITIES = ['money', 'security', 'availability', 'hygiene'] as const
/** What a failure costs. */
export type Severity = (typeof SEVERITIES)[number]

/** L0: the notify URL alone. L1: the backend creates orders too. L2: it also reports what became of them. */
export type Level = 'L0' | 'L1' | 'L2'

/**
 * What a case requires. `acks`: the backend accepts a genuine notification; `orders`: the backend creates the orders;
 * `probe`: it reports the state of an order; `close`: it can be made to close an order; `refunds`: a URL for refund
 * notifications; `login`: a login route.
 */
export type Need = 'acks' | 'orders' | 'probe' | 'close' | 'refunds' | 'login'

/** The verdict of a case, unless it is a plain PASS: thrown to end the case. */
export class Ruling extends Error {
  override readonly name = 'Ruling'
  readonly verdict: CardVerdict

  constructor(verdict: CardVerdict, said: string) {
    super(said)
    this.verdict = verdict
  }
}
