import { decryptV3 } from '../../protocol/aead-v3.ts'
import type { Secret } from '../../base/secret.ts'
import { isSub } from '../partner.ts'
import type { Merchants } from '../partner.ts'
import { NotificationError } from '../pay.ts'
import type { Notification, NotificationMessage } from '../pay.ts'
import type { PlatformKeys } from './platform-keys.ts'
import { flawOf } from './seal.ts'
import { accountOf, objectOf, readRefund, readTrade, textOf } from './trades.ts'
import type { Json, TradeAccount } from './trades.ts'

export interface ReaderOptions extends Merchants {
  /** The APIv3 key and, during a change, the next one. */
  apiV3Keys: readonly Secret[]
  keys: PlatformKeys
  now: () => Date
}

/**
 * Reads a notification of API v3 (doc/v3/merchant/4012791902): verifies the signature over the raw bytes, before parsing anything; then decrypts the
 * resource, whose tag nobody can make without the APIv3 key.
 *
 * @throws {NotificationError}
 */
export async function readNotificationV3(message: NotificationMessage, options: ReaderOptions): Promise<Notification> {
  const { appids, mchId, partner, apiV3Keys, keys, now } = options
  const flaw = await flawOf(message, keys.find, now())
  if (flaw !== undefined) throw new NotificationError(flaw.fault, `The notification ${flaw.reason}.`)

  const envelope = parse(message.body.toString(), 'unreadable', 'The notification is not JSON.')
  const [id, type] = [textOf(envelope.id), textOf(envelope.event_type)]
  const {
    algorithm,
    ciphertext,
    nonce,
    associated_data: associated,
    original_type: resourceType,
  } = objectOf(envelope.resource)
  if (id === undefined || type === undefined || typeof ciphertext !== 'string' || typeof nonce !== 'string') {
    throw new NotificationError('incomplete', 'The notification lacks id, event_type or its resource.')
  }
  if (algorithm !== 'AEAD_AES_256_GCM') {
    throw new NotificationError(
      'not-decrypted',
      `The notification is encrypted with ${String(algorithm).slice(0, 40)}, which is not supported.`,
    )
  }
  const sealed = { ciphertext, nonce, associated_data: textOf(associated) }
  const plain = apiV3Keys.map((secret) => decryptV3(sealed, secret.reveal())).find((bytes) => bytes !== undefined)
  if (plain === undefined) {
    throw new NotificationError(
      'not-decrypted',
      'The notification cannot be decrypted: merchant.apiV3Key is not the key set in the merchant platform.',
    )
  }
  const resource = parse(plain.toString(), 'unreadable', 'The resource of the notification is not JSON.')

  const [family] = type.split('.')
  if (family === 'TRANSACTION') return readPayment(resource)
  if (family === 'REFUND') return readRefunded(resource)
  return { kind: 'event', event: { id, type, resourceType: textOf(resourceType), resource } }

  function readPayment(trade: Json): Notification {
    const account = accountOf(trade, partner !== undefined)
    const isApp = appids.includes(account.appid!) && (partner === undefined || account.sub!.spAppid === partner.spAppid)
    if (!isApp || !isMerchant(account)) throw wrongAccount()
    const report = readTrade(trade, account)
    if (typeof report === 'string') {
      throw new NotificationError('incomplete', `The ${report} of the notification cannot be used.`)
    }
    const subMchId = account.sub?.subMchId
    if (report.tradeState === 'SUCCESS') return { kind: 'payment', payment: report.payment, subMchId }
    if (report.tradeState === 'REFUND') {
      // Some of it has been refunded meanwhile, but the notification does not say how much.
      const { outTradeNo, transactionId } = report.payment
      return { kind: 'payment-hint', outTradeNo, transactionId, subMchId }
    }
    return {
      kind: 'payment-failed',
      subMchId,
      outTradeNo: textOf(trade.out_trade_no),
      reason: `the trade is ${report.tradeState}`,
    }
  }

  /** The resource of a refund does not name the app: the order does. */
  function readRefunded(refund: Json): Notification {
    const account = accountOf(refund, partner !== undefined)
    if (!isMerchant(account)) throw wrongAccount()
    const report = readRefund(refund, 'refund_status')
    if (typeof report === 'string') {
      throw new NotificationError('incomplete', `The ${report} of the notification cannot be used.`)
    }
    return { kind: 'refund', report, subMchId: account.sub?.subMchId }
  }

  function isMerchant(account: TradeAccount): boolean {
    return account.mchId === mchId && (partner === undefined || isSub(partner, account.sub!.subMchId))
  }
}

function wrongAccount(): NotificationError {
  return new NotificationError('wrong-account', 'The notification is for another appid or merchant.')
}

function parse(text: string, fault: 'unreadable', message: string): Json {
  try {
    return objectOf(JSON.parse(text))
  } catch {
    throw new NotificationError(fault, message)
  }
}
