import type { Shipment } from '../../model.ts'

/** What happens to the reports of an order's shipping. `n` is the position of a report. */
export type ShippingObservation =
  | { seen: 'ship-wanted'; shipment: Shipment }
  /** WeChat has accepted it, now or before. */
  | { seen: 'shipped'; n: number }
  /** `isFinal`: WeChat refused it, and repeating it cannot help. */
  | { seen: 'ship-failed'; n: number; reason: string; isFinal: boolean }
