import { channel } from 'node:diagnostics_channel'
import type { Channel } from 'node:diagnostics_channel'
import type { AnomalyKind, Source } from '../model.ts'

/**
 * Messages for an operator's counters, published on `node:diagnostics_channel` under the names below. A subscriber is called synchronously, so it must be
 * short. No message contains a secret, an openid or a description.
 */
export interface Diagnostics {
  /**
   * A notification was answered. `outcome` is its result, or the fault for which it was refused: `blocked` if something in the app got in the way. `lagMs` is
   * the time from the payment to now, for notifications of payments.
   */
  'fastify-wechat-pay:notification': { outcome: string; accepted: boolean; lagMs?: number | undefined }
  /** A payment was recorded. `source` is where the news came from: `query` means that a query found it before a notification came. */
  'fastify-wechat-pay:settlement': { outTradeNo: string; source: Source; late: boolean }
  /** `onPaid` or `onRefunded` ended. `lost`: another process had taken the order over. */
  'fastify-wechat-pay:hook': { outTradeNo: string; hook: 'onPaid' | 'onRefunded'; outcome: 'done' | 'failed' | 'lost' }
  /** An anomaly waits for a person. */
  'fastify-wechat-pay:anomaly': { outTradeNo: string; kind: AnomalyKind }
  /** A sweep has ended. `due` orders have work due now, `stuck` of them for more than ten minutes. */
  'fastify-wechat-pay:sweep': { worked: number; due: number; stuck: number }
}

/** The name of a diagnostics channel. */
export type DiagnosticsName = keyof Diagnostics

/**
 * Kept, so that none is ever collected. Node holds channels weakly by their names: when one without subscribers has been collected, Node 20 forgets the name a
 * moment later, even if a new channel with subscribers has it by then, and those would hear nothing from then on.
 */
const CHANNELS: Record<DiagnosticsName, Channel> = {
  'fastify-wechat-pay:notification': channel('fastify-wechat-pay:notification'),
  'fastify-wechat-pay:settlement': channel('fastify-wechat-pay:settlement'),
  'fastify-wechat-pay:hook': channel('fastify-wechat-pay:hook'),
  'fastify-wechat-pay:anomaly': channel('fastify-wechat-pay:anomaly'),
  'fastify-wechat-pay:sweep': channel('fastify-wechat-pay:sweep'),
}

/** Publishes a message if there is a subscriber; `message` is called only then. */
export function publish<Name extends DiagnosticsName>(name: Name, message: () => Diagnostics[Name]): void {
  if (listens(name)) CHANNELS[name].publish(message())
}

export function listens(name: DiagnosticsName): boolean {
  return CHANNELS[name].hasSubscribers
}
