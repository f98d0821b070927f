import { checkNames, checkOneOf } from '../base/checks.ts'

/** Each choice with its possible values, the default first. */
export const CHOICES = {
  /** The Content-Type of V2 replies; the real one is not known, and clients must not look at it. */
  contentType: ['text/plain', 'text/xml'],
  /** The Content-Type of jscode2session, on record as text/plain. */
  snsContentType: ['text/plain', 'application/json'],
  /** The Content-Type of /cgi-bin and /wxa, of which both are told. */
  apiContentType: ['application/json', 'text/plain'],
  /** What follows the errmsg of jscode2session: as now, or as recorded until about 2020 (`hints: [ req_id: … ]`). */
  errmsg: ['rid', 'hints'],
  /** Whether a FAIL of the protocol brings the err_code of the official tables; no recorded one does. */
  protocolErrCode: ['absent', 'documented'],
  /** Which prepay_id a repeated unifiedorder gets while the first is still good. */
  repeatedPrepayId: ['same', 'new'],
  /** closeorder of a number that does not exist: as if it had worked (users report it), or as an older table says. */
  closeUnknown: ['success', 'ORDERNOTEXIST'],
  /**
   * closeorder sooner than five minutes after unifiedorder, which the documents forbid without saying what happens: it
   * works, or it is refused with SYSTEMERROR, which is the mock's own choice.
   */
  closeEarly: ['success', 'SYSTEMERROR'],
  /** closeorder of a closed order: as documented, or as if it had worked. */
  closeTwice: ['ORDERCLOSED', 'success'],
  /** How a refund above what is left is refused: as now, or as recorded about 2016 (REFUND_FEE_INVALID, ERROR). */
  refundRefusals: ['current', 'legacy'],
  /** The columns of downloadbill: as now, or as older merchants still get them. */
  billColumns: ['current', 'old'],
} as const

/**
 * What a world does where the real service is undocumented or has changed over the years. The defaults are what is on
 * record most lately.
 */
export type Behaviour = { readonly [Name in keyof typeof CHOICES]: (typeof CHOICES)[Name][number] }

const DEFAULTS = Object.fromEntries(Object.entries(CHOICES).map(([name, [first]]) => [name, first])) as Behaviour

/** @throws MockError BAD_INPUT */
export function behaviourOf(choices: Partial<Behaviour> = {}): Behaviour {
  checkNames('behaviour.', choices, Object.keys(CHOICES))
  for (const [name, choice] of Object.entries(choices)) {
    checkOneOf(`behaviour.${name}`, choice, CHOICES[name as keyof Behaviour])
  }
  return { ...DEFAULTS, ...choices }
}
