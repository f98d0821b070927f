import { createDecipheriv, createVerify } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { World } from '../../../../mock-server/index.ts'
import { Refused, type Bugs } from './errors.ts'

interface Read {
  readonly kind: 'payment' | 'refund' | 'other'
  /** Under their names in API v2. */
  readonly fields: Map<string, string>
}

interface Message {
  readonly event_type?: string
  readonly resource: Record<string, string>
}

/** Verifies and decrypts API v3 notifications for the toy, as carelessly as a planted bug makes it. */
export function createReaderV3(world: World, has: Bugs) {
  const { apiV3Key, publicKey, publicKeyId, platformCertificate, platformSerialNo, keyMode } = world.credentials.v3
  const apiKey = world.credentials.apiKey

  function verify(text: string, headers: IncomingHttpHeaders): void {
    const header = (name: string) => headers[`wechatpay-${name}`] as string | undefined
    const [timestamp, nonce, signature, serial] = ['timestamp', 'nonce', 'signature', 'serial'].map(header)
    if (has('no-verify')) return
    if (has('verify-if-present') && signature === undefined) return
    if (has('empty-sign-ok') && signature === '') return
    if (has('all-headers-absent-ok') && !signature && !timestamp && !nonce) return
    if (has('probe-ok') && signature?.startsWith('WECHATPAY/SIGNTEST/')) return
    if (has('short-sign-ok') && signature !== undefined && signature.length < 10) return
    if (has('bad-base64-ok') && /%/.test(signature ?? '')) return
    if (has('no-serial-ok') && serial === undefined) return
    if (!signature || !serial || (!timestamp && !has('window-unread')) || (!nonce && !has('nonce-unread'))) {
      throw new Refused('headers')
    }
    if (has('header-type-needed') && !header('signature-type')) throw new Refused('type')
    const keys: [string, string][] = [
      [publicKeyId, publicKey],
      [platformSerialNo, platformCertificate],
    ]
    const known = keys.find(([id]) => id === serial)?.[1]
    const key =
      known ?? (has('serial-unread') ? (keyMode === 'certificate' ? platformCertificate : publicKey) : undefined)
    if (key === undefined) throw new Refused('serial')
    const age = world.clock.now().getTime() / 1000 - Number(timestamp)
    const limit = has('window-narrow') ? 60 : 300
    const isNew = has('window-one-sided') ? age < limit : has('window-past-only') ? age > -limit : Math.abs(age) < limit
    if (!has('window-unread') && !isNew) throw new Refused('timestamp')
    let body = text
    if (has('reserialised')) body = JSON.stringify(JSON.parse(text))
    if (has('trimmed')) body = text.trim()
    if (has('sorted')) {
      const ranks = ['id', 'create_time', 'resource_type', 'event_type', 'summary', 'resource']
      const members = Object.entries(JSON.parse(text) as object)
      body = JSON.stringify(Object.fromEntries(members.sort(([a], [b]) => ranks.indexOf(a) - ranks.indexOf(b))))
    }
    const verified = (over: string) => createVerify('RSA-SHA256').update(over).verify(key, signature, 'base64')
    const nonces = has('nonce-unread') ? [nonce, ''] : [nonce]
    if (has('body-unsigned')) return
    if (!nonces.some((nonce) => verified(`${timestamp}\n${nonce}\n${body}\n`))) throw new Refused('signature')
  }

  function decrypt({
    ciphertext = '',
    nonce = '',
    associated_data: data = '',
    algorithm,
  }: Record<string, string>): string {
    if (algorithm !== 'AEAD_AES_256_GCM' && !has('algorithm-unread')) throw new Refused('algorithm')
    if (has('data-needed') && data === '') throw new Refused('associated_data')
    const bytes = Buffer.from(ciphertext, 'base64')
    const open = (key: string) => {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce)
      decipher.setAAD(Buffer.from(data)).setAuthTag(bytes.subarray(-16))
      const plain = decipher.update(bytes.subarray(0, -16), undefined, 'utf8')
      return has('tag-unread') ? plain : plain + decipher.final('utf8')
    }
    try {
      return open(apiV3Key)
    } catch {
      if (has('v2-key-too')) return open(apiKey)
      throw new Refused('resource')
    }
  }

  return (text: string, headers: IncomingHttpHeaders): Read => {
    if (has('mark-refused') && text.startsWith('\uFEFF')) throw new Refused('mark')
    verify(text, headers)
    const message = JSON.parse(text.replace(/^\uFEFF/, '')) as Message
    if (typeof message !== 'object' || message === null || Array.isArray(message)) throw new Refused('no object')
    const { event_type: event = '', resource } = message
    if (has('number-id-refused') && typeof (message as { id?: unknown }).id === 'number') throw new Refused('id')
    if (has('unknown-members-refused') && Object.keys(message).some((name) => name.startsWith('zz'))) {
      throw new Refused('member')
    }
    const isPayment =
      event === 'TRANSACTION.SUCCESS' ||
      (has('event-unread') && !/^(?:REFUND|COMPLAINT|MCHTRANSFER|SECURITY)/.test(event)) ||
      (has('refund-is-payment') && event.startsWith('REFUND'))
    if (!isPayment && !event.startsWith('REFUND.')) {
      if (event === '' || has('events-refused')) throw new Refused('event')
      return { kind: 'other', fields: new Map() }
    }
    if (!resource) throw new Refused('resource')
    const plain = has('facts-in-the-open') && 'out_trade_no' in resource ? JSON.stringify(resource) : decrypt(resource)
    if (has('plain-object') && /"(?:__proto__|constructor|toString)"/.test(plain)) throw new TypeError('not a function')
    let facts = JSON.parse(plain) as Record<string, any>
    if (Array.isArray(facts)) {
      if (!has('list-ok')) throw new Refused('facts')
      facts = facts[0]
    }
    if (has('latin-only') && /[^\x20-\x7e]/.test(String(facts.attach))) throw new Refused('attach')
    if (has('unknown-facts-refused') && Object.keys(facts).some((name) => name.startsWith('zz'))) {
      throw new Refused('fact')
    }
    const kind = isPayment ? 'payment' : 'refund'
    const amount = facts.amount ?? {}
    const total = amount.total
    const fields = new Map<string, string>()
    const put = (name: string, value: unknown) => {
      if (value !== undefined && value !== null) fields.set(name, String(value))
    }
    for (const name of [
      'appid',
      'out_trade_no',
      'transaction_id',
      'attach',
      'bank_type',
      'out_refund_no',
      'refund_status',
    ]) {
      put(name, facts[name])
    }
    put('mch_id', facts.mchid)
    put('fee_type', amount.currency)
    put('device_info', facts.scene_info?.device_id)
    put('coupon_fee', facts.promotion_detail && '100')
    put('cash_fee', amount.payer_total)
    if (typeof total === 'number' && Number.isInteger(total)) put('total_fee', total)
    else if (has('total-loosely')) put('total_fee', Math.floor(Number(total)))
    put('refund_fee', amount.refund)
    put(
      'time_end',
      facts.success_time &&
        new Date(Date.parse(facts.success_time) + 8 * 3600_000).toISOString().replace(/\D/g, '').slice(0, 14),
    )
    if (has('zone-compared') && isPayment && !String(facts.success_time).endsWith('+08:00')) throw new Refused('zone')
    fields.set('return_code', 'SUCCESS')
    const state = facts.trade_state
    const isSuccess =
      has('state-unread') ||
      (has('state-by-word')
        ? String(state).includes('SUCCESS')
        : has('state-if-present')
          ? (state ?? 'SUCCESS') === 'SUCCESS'
          : state === 'SUCCESS')
    fields.set(
      'result_code',
      isSuccess || (has('refund-is-payment') && event.startsWith('REFUND')) ? 'SUCCESS' : 'FAIL',
    )
    if (kind === 'refund') {
      if (!has('refund-mch-unread') && facts.mchid !== world.credentials.mchId) throw new Refused('mchid')
      if (!has('refund-event-only') && event !== `REFUND.${facts.refund_status}`) fields.set('refund_status', 'CLOSED')
      if (has('refund-event-only') && event === 'REFUND.SUCCESS') fields.set('refund_status', 'SUCCESS')
    }
    return { kind, fields }
  }
}
