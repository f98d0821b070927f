/** One parcel, or what was delivered without one. */
export interface Parcel {
  /** What is in it: 1 to 120 characters. */
  itemDesc: string
  /** Of `express`, with its company. */
  trackingNo?: string | undefined
  /** WeChat's code of the company, e.g. `SF`. */
  expressCompany?: string | undefined
  /** A masked number, whose last four digits are clear, e.g. `189****1234`: SF Express asks for one of them. */
  contact?: { consignorContact?: string | undefined; receiverContact?: string | undefined } | undefined
}

/** How a paid order is shipped. */
export interface Shipment {
  logisticsType: 'express' | 'same-city' | 'virtual' | 'pickup'
  /** One parcel; or up to 15 of an order that goes out in parts (`isAllDelivered`). */
  parcels: readonly Parcel[]
  /** Only of an order that goes out in parts: whether these are the last ones. Parts are `express`. */
  isAllDelivered?: boolean | undefined
}

/** The reports of an order's shipping. */
export interface OwedShipping {
  /** In the order in which they were given. */
  shipments: readonly Shipment[]
  /** How many of them WeChat has taken, or refused for good. */
  sent: number
  /** Failed attempts at the next one. */
  attempts: number
  /** When the next one is due; `null` if there is none. */
  dueAt: Date | null
}
