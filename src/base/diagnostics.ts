import { channel } from 'node:diagnostics_channel'
import type { AnomalyKind, Source } from '../model.ts'

/**
 * What an operator counts, published on `node:diagnostics_channel` under the names below. A subscriber is called synchronously, so it must be short.
 * No message holds a secret, an openid or a description.
 */
export interface Diagnostics {
  /**
   * A notification was answered. `outcome` is what became of it, or the fault it was refused for, which is `blocked` when something of the app stood in the way; `lagMs` is the time from the payment to now,
   * for notifications that report one.
   */
  'fastify-wechat-pay:notification': { outcome: string; accepted: boolean; lagMs?: number | undefined }
  /** A payment was recorded. `source` tells who brought it: `query` means that no notification had. */
  'fastify-wechat-pay:settlement': { outTradeNo: string; source: Source; late: boolean }
  /** `onPaid` or `onRefunded` ended. `lost`: another process had taken the order over. */
  'fastify-wechat-pay:hook': { outTradeNo: string; hook: 'onPaid' | 'onRefunded'; outcome: 'done' | 'failed' | 'lost' }
  /** Something waits for a person. */
  'fastify-wechat-pay:anomaly': { outTradeNo: string; kind: AnomalyKind }
  /** Due work was looked for. `due` orders have work due now, `stuck` of them since more than ten minutes. */
  'fastify-wechat-pay:sweep': { worked: number; due: number; stuck: number }
}

export type DiagnosticsName = keyof Diagnostics

/** Publishes a message if anybody listens; `message` is only made then. */
export function publish<Name extends DiagnosticsName>(name: Name, message: () => Diagnostics[Name]): void {
  if (listens(name)) channel(name).publish(message())
}

export function listens(name: DiagnosticsName): boolean {
  return channel(name).hasSubscribers
}
