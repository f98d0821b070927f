/** Each choice with its possible values, the default first. */
export const CHOICES = {
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
  refundRefusals: ['current', 'legacy']
} as const

/**
 * What a world does where the real service is undocumented or has changed over the years. The defaults are what is on
 * record most lately.
 */
export type Behaviour = { readonly [Name in keyof typeof CHOICES]: typeof CHOICES[Name][number] }

const DEFAULTS = Object.fromEntries(Object.entries(CHOICES).map(([name, [first]]) => [name, first])) as Behaviour

export const behaviourOf = (choices: Partial<Behaviour> = {}): Behaviour => ({ ...DEFAULTS, ...choices })
