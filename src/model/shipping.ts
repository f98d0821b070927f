/** One parcel, or what was delivered without one. */
export interface Parcel {
  /** What is in it: 1 to 120 characters. */
  itemDesc: string
  /** For `express`, together with `expressCompany`. */
  trackingNo?: string | undefined
  /** WeChat's code of the company, e.g. `SF`. */
  expressCompany?: string | undefined
  /** A phone number with only the last four digits shown, e.g. `189****1234`: SF Express requires one. */
  contact?: { consignorContact?: string | undefined; receiverContact?: string | undefined } | undefined
}

/** How a paid order is shipped. */
export interface Shipment {
  logisticsType: 'express' | 'same-city' | 'virtual' | 'pickup'
  /** One parcel; up to 15 for an order shipped in parts (`isAllDelivered`). */
  parcels: readonly Parcel[]
  /** Only for an order shipped in parts: whether these are the last ones. Parts are `express`. */
  isAllDelivered?: boolean | undefined
}

/** The reports of an order's shipping. */
export interface OwedShipping {
  /** In the order of the calls. */
  shipments: readonly Shipment[]
  /** How many WeChat has accepted, or finally refused. */
  sent: number
  /** Failed attempts at the next one. */
  attempts: number
  /** When the next one is due; `null` if there is none. */
  dueAt: Date | null
}
