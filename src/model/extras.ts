/** One of the goods of an order, for coupons that apply to single goods. */
export interface Goods {
  /** Your own product number: 1 to 32 characters. */
  merchantGoodsId: string
  wechatpayGoodsId?: string | undefined
  goodsName?: string | undefined
  quantity: number
  /** Fen. */
  unitPrice: number
}

/** Where an order was made. */
export interface SceneInfo {
  /** Your own name of the device, e.g. of a till. */
  deviceId?: string | undefined
  storeInfo?:
    { id: string; name?: string | undefined; areaCode?: string | undefined; address?: string | undefined } | undefined
  /** The site or app that sends the payer to WeChat: an order of the type `H5` needs it. */
  h5Info?: H5Info | undefined
}

/** The site or app that an `H5` order is paid from. */
export interface H5Info {
  type: 'Wap' | 'iOS' | 'Android'
  appName?: string | undefined
  appUrl?: string | undefined
  bundleId?: string | undefined
  packageName?: string | undefined
}

/**
 * Further values of an order (API v2: unifiedorder, doc/v2/merchant/4011940985; v3: doc/v3/merchant/4012791897). Sent under the names of the
 * merchant's API version.
 */
export interface OrderExtras {
  /** The goods, for coupons. v2: 6000 bytes as JSON, v3: 6144. */
  detail?:
    | {
        /** Fen: the price before discounts. */
        costPrice?: number | undefined
        /** Your receipt's number. v2 calls it `receipt_id`. */
        invoiceId?: string | undefined
        goodsDetail?: readonly Goods[] | undefined
      }
    | undefined
  /** v2: 256 bytes as JSON. */
  sceneInfo?: SceneInfo | undefined
  /** The tag that coupons require: at most 32 bytes. */
  goodsTag?: string | undefined
  /** The payer may not use a credit card. API v2 only: v3 documents no such field. */
  limitPay?: 'no_credit' | undefined
  /** Lets the payer ask for an electronic invoice (v2: `receipt`). */
  supportFapiao?: boolean | undefined
  /** Keeps the money on hold until it has been shared with others (v3: `settle_info`). */
  profitSharing?: boolean | undefined
}
