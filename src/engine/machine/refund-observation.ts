import type { RefundAccount, RefundReport, Source } from '../../model.ts'

export type RefundObservation =
  /** A refund is requested. */
  | {
      seen: 'refund-wanted'
      source: Source
      key: string
      refundFee: number
      reason?: string | undefined
      refundAccount?: RefundAccount | undefined
    }
  /** The operator chose another account to refund from. */
  | { seen: 'refund-redirected'; source: Source; outRefundNo: string; refundAccount: RefundAccount }
  /** WeChat accepted the refund; the money is on its way. */
  | { seen: 'refund-accepted'; outRefundNo: string; refundId: string }
  /** The answer was lost, or WeChat wants it asked again; `isOperators`: once the operator has acted. */
  | { seen: 'refund-unsure'; outRefundNo: string; reason: string; isOperators?: boolean }
  /** WeChat refused the refund, and when asked does not know its number. */
  | { seen: 'refund-refused'; outRefundNo: string; reason: string }
  /** An unsigned notification, which may name the order's app, says that something happened to a refund: only a reason to ask. */
  | {
      seen: 'refund-hinted'
      source: Source
      appid?: string | undefined
      outRefundNo: string
      refundFee: number
      subMchId?: string | undefined
    }
  | { seen: 'refund-reported'; source: Source; report: RefundReport; subMchId?: string | undefined }
  | { seen: 'refund-not-exist'; outRefundNo: string }
  | { seen: 'refund-no-answer'; outRefundNo: string; reason: string }
  | { seen: 'refund-fulfilled'; outRefundNo: string }
  | { seen: 'refund-fulfil-failed'; outRefundNo: string; claims: number; reason: string }
