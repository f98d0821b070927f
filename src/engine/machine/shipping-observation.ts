import type { Shipment } from '../../model.ts'

/** What happens to the reports of an order's shipping. `n` is the place of one among them. */
export type ShippingObservation =
  | { seen: 'ship-wanted'; shipment: Shipment }
  /** WeChat has taken it, now or before. */
  | { seen: 'shipped'; n: number }
  /** `isFinal`: WeChat refused it, and repeating it cannot help. */
  | { seen: 'ship-failed'; n: number; reason: string; isFinal: boolean }
