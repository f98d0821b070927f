import { checkNames, checkOneOf } from '../base/checks.ts'

/** Each choice with its possible values, the default first. */
export const CHOICES = {
  /** The Content-Type of V2 replies; the real one is unknown, and clients must not depend on it. */
  contentType: ['text/plain', 'text/xml'],
  /** The Content-Type of jscode2session, on record as text/plain. */
  snsContentType: ['text/plain', 'application/json'],
  /** The Content-Type of /cgi-bin and /wxa; both are reported. */
  apiContentType: ['application/json', 'text/plain'],
  /** The suffix of jscode2session's errmsg: as today, or as recorded until about 2020 (`hints: [ req_id: … ]`). */
  errmsg: ['rid', 'hints'],
  /** Whether a protocol-level FAIL carries the err_code of the official tables; no recorded one does. */
  protocolErrCode: ['absent', 'documented'],
  /** Which prepay_id a repeated unifiedorder gets while the first is still valid. */
  repeatedPrepayId: ['same', 'new'],
  /** closeorder of a number that does not exist: success (reported by users), or as an older table says. */
  closeUnknown: ['success', 'ORDERNOTEXIST'],
  /**
   * closeorder within five minutes of unifiedorder, which the documentation forbids without saying what happens: it
   * works, or it is refused with SYSTEMERROR (the mock's choice).
   */
  closeEarly: ['success', 'SYSTEMERROR'],
  /** closeorder of a closed order: as documented, or success. */
  closeTwice: ['ORDERCLOSED', 'success'],
  /** How a refund beyond the remaining amount is refused: as today, or as recorded about 2016 (REFUND_FEE_INVALID, ERROR). */
  refundRefusals: ['current', 'legacy'],
  /** The columns of downloadbill: as today, or as older merchants still get them. */
  billColumns: ['current', 'old'],
  /** How v3 refuses a different order with the same number: as recorded in 2026, or as documented (403 OUT_TRADE_NO_USED). */
  v3RepeatedOrder: ['INVALID_REQUEST', 'OUT_TRADE_NO_USED'],
  /** The v3 code for an order that is already paid; both are reported. */
  v3PaidOrder: ['ORDERPAID', 'ORDER_PAID'],
  /** How v3 counts the length of a parameter: in bytes, as it does, or in characters, as documented. */
  v3Lengths: ['bytes', 'characters'],
  /** Whether v3 refuses a parameter that is not in the documentation of the call. */
  v3UnknownFields: ['refused', 'ignored'],
  /** Whether a 401 of v3 says what should have been signed. */
  signInformation: ['present', 'absent'],
  /** How `/v3/certificates` answers a merchant with a public key; all three are recorded. */
  v3NoCertificates: ['404', '403', '500'],
  /** The associated_data of v3 notifications: as recorded, or empty as in the documentation's sample. */
  associatedData: ['present', 'empty'],
  /** Refund notifications: in the version of the call that requested the refund, or always XML of v2. */
  refundNotifications: ['as-called', 'v2'],
  /** Whether WeChat calls the port of a notify_url, or drops it as one answer of its staff says. */
  notifyPort: ['kept', 'dropped'],
  /** Whether the hash_value of a v3 bill is that of the file. */
  billHash: ['right', 'wrong'],
  /** Whether the platform certificate, with which WeChat signs in the key mode `certificate`, is still valid. */
  platformCertificate: ['valid', 'expired'],
} as const

/**
 * What a world does where the real service is undocumented or has changed over the years. Defaults follow the most recent
 * recordings.
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
