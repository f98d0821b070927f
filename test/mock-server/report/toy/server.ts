import { createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { World } from '../../../../mock-server/index.ts'
import { createReaderV3 } from './v3.ts'
import { Malformed, Refused, type Bugs } from './errors.ts'
import { readXml } from './xml.ts'

// A merchant of a few lines, without a framework or a database. It is correct as it stands; each bug breaks it in one way.

interface Order {
  fee: number
  state: 'unpaid' | 'paid' | 'closed'
  fulfilments: number
  transactionId: string
  refunds: Set<string>
  bookings: number
  failed: boolean
}

export interface Toy {
  readonly notifyUrl: string
  readonly refundUrl: string
  readonly orderUrl: string
  readonly probeUrl: string
  readonly closeUrl: string
  readonly server: Server
  /** Ends hanging requests and starts afresh. */
  readonly restart: () => Promise<void>
  readonly close: () => Promise<void>
}

const ack = (code: string, message: string) =>
  `<xml><return_code><![CDATA[${code}]]></return_code><return_msg><![CDATA[${message}]]></return_msg></xml>`

/** The bug: no answer. */
class Hang extends Error {}

const tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms))

const KNOWN =
  'appid,attach,bank_type,cash_fee,fee_type,is_subscribe,mch_id,nonce_str,openid,out_trade_no,result_code,return_code,sign_type,time_end,total_fee,trade_type,transaction_id,return_msg,err_code,err_code_des'.split(
    ',',
  )

export async function startToy(world: World, bugs: readonly string[] = [], version: 'v2' | 'v3' = 'v2'): Promise<Toy> {
  const has: Bugs = (name) => bugs.includes(name)
  const { appid, appSecret, mchId, apiKey } = world.credentials
  const orders = new Map<string, Order>()
  const seen = new Set<string>()
  const isHmac = world.merchants()[0]!.signType === 'HMAC-SHA256'
  let busy = false
  let dropped = 0
  let made = 0
  let asked = 0
  let wedged = false
  /** The bug: reads one body at a time. */
  let reading: Promise<unknown> = Promise.resolve()

  function signOf(fields: Map<string, string>, key: string, hmac: boolean, careless = has): string {
    const text = [...fields]
      .filter(([name, value]) => name !== 'sign' && (value !== '' || careless('sign-empty')))
      .filter(([name]) => !careless('known-fields') || KNOWN.includes(name))
      .filter(([name]) => !(careless('sign-type-left-out') && name === 'sign_type'))
      .filter(([, value]) => !(careless('zero-is-empty') && value === '0'))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${careless('encoded') ? encodeURIComponent(value) : value}`)
      .join('&')
    const bytes = Buffer.from(key === '\0' ? text : `${text}&key=${key}`, careless('latin1') ? 'latin1' : 'utf8')
    return (hmac ? createHmac('sha256', key).update(bytes) : createHash('md5').update(bytes))
      .digest('hex')
      .toUpperCase()
  }

  function verify(fields: Map<string, string>): void {
    const sign = fields.get('sign')
    if (has('no-verify')) return
    if (has('verify-if-present') && sign === undefined) return
    if (has('blank-sign-ok') && sign?.trim() === '') return
    if (has('null-sign-ok') && sign === 'null') return
    if (has('sign-word-ok') && sign === 'SUCCESS') return
    if (has('sign-type-none') && fields.get('sign_type') === 'NONE') return
    if (sign === undefined) throw new Refused('no sign')
    const hmac = isHmac && !has('always-md5') && !(has('md5-too') && fields.get('sign_type') === 'MD5')
    if (has('sign-type-needed') && !fields.has('sign_type')) throw new Refused('no sign_type')
    const own = hmac ? 'HMAC-SHA256' : 'MD5'
    if ((fields.get('sign_type') ?? own) !== own) throw new Refused('sign_type')
    const right = signOf(fields, apiKey, hmac)
    if (has('short-sign-ok') && sign.length > 8 && right.startsWith(sign)) return
    if (has('long-sign-ok') && sign.startsWith(right)) return
    const others: [string, string][] = [
      ['empty-key-ok', ''],
      ['undefined-key-ok', 'undefined'],
      ['mch-id-key-ok', mchId],
      ['app-secret-ok', appSecret],
      ['no-key-ok', '\0'],
    ]
    for (const [bug, key] of others) if (has(bug) && sign === signOf(fields, key, isHmac)) return
    const same = Buffer.byteLength(sign) === right.length && timingSafeEqual(Buffer.from(sign), Buffer.from(right))
    if (!same) throw new Refused('sign')
  }

  function find(number: string): Order | undefined {
    const order = orders.get(number)
    if (order) return order
    const like = (test: (known: string) => boolean) => [...orders].find(([known]) => test(known))?.[1]
    if (has('case-blind')) return like((known) => known.toLowerCase() === number.toLowerCase())
    if (has('trims')) return orders.get(number.trim())
    if (has('wildcard')) return like((known) => number.endsWith('%') && known.startsWith(number.slice(0, -1)))
    if (has('prefix-match')) return like((known) => number.length > 6 && known.startsWith(number))
    if (has('sql')) return like((known) => number.endsWith(`out_trade_no='${known}`))
    if (has('strips-invisible')) return orders.get(number.replace(/\u200b/g, ''))
    return undefined
  }

  async function fulfil(order: Order): Promise<void> {
    order.state = 'paid'
    order.fulfilments++
    if (has('late-double')) setTimeout(() => order.fulfilments++, 100).unref()
  }

  /** Checks the facts and updates the order. */
  async function book(fields: Map<string, string>, heads: Map<string, string>): Promise<void> {
    const value = (name: string) => (has('first-node') ? (heads.get(name) ?? fields.get(name)) : fields.get(name))
    const isPaid = has('result-by-word')
      ? value('return_code')?.includes('SUCCESS') && value('result_code')?.includes('SUCCESS')
      : has('not-fail-is-paid')
        ? value('result_code') !== 'FAIL'
        : has('result-unread')
          ? value('return_code') === 'SUCCESS'
          : has('return-unread')
            ? value('result_code') === 'SUCCESS'
            : value('return_code') === 'SUCCESS' && value('result_code') === 'SUCCESS'
    if (has('return-msg-is-error') && value('return_msg') !== undefined) throw new Refused('return_msg')
    if (has('subscribers-refused') && value('is_subscribe') === 'Y') throw new Refused('subscriber')
    if (has('bank-list') && value('bank_type') !== 'OTHERS') throw new Refused('bank')
    if (has('attach-needed') && value('attach') === undefined) throw new Refused('attach')
    if (has('attach-short') && value('attach')?.length! > 40) throw new Refused('attach')
    if (has('device-refused') && value('device_info')) throw new Refused('device')
    if (has('currency-needed') && !fields.has('fee_type')) throw new Refused('fee_type')
    if (has('coupon-type-needed') && fields.has('coupon_fee') && !fields.has('coupon_type_0')) {
      throw new TypeError('coupon_type_0 of undefined')
    }
    if (
      has('settlement-compared') &&
      value('settlement_total_fee') &&
      value('settlement_total_fee') !== value('total_fee')
    ) {
      throw new Refused('fee')
    }
    if (
      has('old-refused') &&
      Math.abs(
        Date.now() -
          Date.parse(`${value('time_end')!.replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6')}+08:00`),
      ) > 3600_000 &&
      value('time_end')!.slice(0, 8) <
        new Date(world.clock.now().getTime() + 8 * 3600_000 - 3600_000).toISOString().replace(/\D/g, '').slice(0, 8)
    ) {
      throw new Refused('old')
    }
    const order = find(value('out_trade_no') ?? '')
    if (!order) {
      if (has('unknown-crashes')) throw new TypeError("Cannot read properties of undefined (reading 'fee')")
      if (has('unknown-acked')) return
      throw new Refused('unknown order')
    }
    const fee = value(has('cash-compared') ? 'cash_fee' : 'total_fee')
    const differs = (name: string, right: string, unread: string, optional: string) =>
      !has(unread) && !(has(optional) && fields.get(name) === undefined) && value(name) !== right
    const feeDiffers =
      !has('fee-unread') &&
      !(has('fee-if-present') && !fee) &&
      (has('fee-parsed')
        ? parseInt(fee!, 10) !== order.fee
        : has('fee-at-least')
          ? !(Number(fee) >= order.fee)
          : fee !== String(order.fee))
    if (!isPaid) {
      if (has('failure-closes')) order.state = 'closed'
      if (has('failure-undoes')) order.fulfilments = 0
      return
    }
    if (feeDiffers) throw new Refused('total_fee')
    if (differs('mch_id', mchId, 'mch-unread', 'mch-if-present')) throw new Refused('mch_id')
    if (differs('appid', appid, 'app-unread', 'app-if-present')) throw new Refused('appid')
    if (!has('currency-unread') && (value('fee_type') ?? 'CNY') !== 'CNY') throw new Refused('fee_type')
    const transaction = value('transaction_id')
    if (!transaction && !has('no-transaction-ok')) throw new Refused('transaction_id')
    if (has('drop-concurrent')) {
      if (busy) {
        dropped++
        return
      }
      busy = true
      // Waits for all the others: ten notifications for two orders.
      const someLack = () => dropped < 9
      for (let n = 0; n < 20 && someLack(); n++) await tick(50)
      dropped = 0
      busy = false
    }
    if (has('asks-first') || has('race')) {
      const unpaid = order.state === 'unpaid'
      if (has('asks-first')) {
        await ask('orderquery', { out_trade_no: value('out_trade_no')! })
      } else await tick(50)
      if (unpaid) await fulfil(order)
      order.transactionId = transaction!
      return
    }
    if (order.state === 'paid') {
      if (has('repeat-refused')) throw new Refused('already paid')
      if (has('no-dedupe')) await fulfil(order)
      if (has('second-payment-replaces')) order.transactionId = transaction!
      if (has('by-transaction') && transaction !== order.transactionId) await fulfil(order)
      return
    }
    if (order.state === 'closed' && has('closed-refused')) throw new Refused('closed')
    await fulfil(order)
    order.transactionId = has('number-id') ? String(Number(transaction)) : transaction!
  }

  /** A call of API v2: the text of WeChat's answer. */
  async function ask(api: string, values: Record<string, string>): Promise<string> {
    const fields = new Map([
      ['appid', appid],
      ['mch_id', mchId],
      ['nonce_str', createHash('md5').update(`${world.id}${++asked}`).digest('hex')],
      ...(isHmac ? [['sign_type', 'HMAC-SHA256'] as const] : []),
      ...Object.entries(values),
    ])
    const sign = signOf(fields, apiKey, isHmac, () => false)
    const body = `<xml>${[...fields, ['sign', sign]].map(([name, value]) => `<${name}>${value}</${name}>`).join('')}</xml>`
    return (await fetch(`${world.baseUrl}/pay/${api}`, { method: 'POST', body })).text()
  }

  /** The bugs of parsers that obey the message. */
  async function lured(text: string): Promise<string> {
    const fetched = async (pattern: RegExp) => {
      const [, url] = pattern.exec(text) ?? []
      if (url === undefined) return ''
      if (url.startsWith('file:')) return readFileSync(new URL(url), 'utf8')
      return new Promise<string>((resolve) =>
        get(url, (response) => resolve(String(response.statusCode))).on('error', () => resolve('')),
      )
    }
    let leak = ''
    if (has('xxe')) leak += await fetched(/<!ENTITY \w+ SYSTEM "([^"]+)"/)
    if (has('xxe-parameter')) leak += await fetched(/<!ENTITY % \w+ SYSTEM "([^"]+)"/)
    if (has('external-dtd')) leak += await fetched(/<!DOCTYPE \w+ SYSTEM "([^"]+)"/)
    if (has('xinclude')) leak += await fetched(/<xi:include[^>]*href="([^"]+)"/)
    if (has('stylesheet')) leak += await fetched(/<\?xml-stylesheet[^>]*href="([^"]+)"/)
    if (has('expands') && /<!ENTITY \w+ "/.test(text)) throw new Hang()
    return leak
  }

  const readV3 = createReaderV3(world, has)

  /** API v3: turns the facts into the fields of API v2, so that the same rules apply. */
  async function notifiedV3(
    text: string,
    headers: IncomingMessage['headers'],
    aborted: () => boolean,
  ): Promise<string> {
    if (has('huge-hangs') && text.length > 1_000_000) throw new Hang()
    if (has('many-hang') && text.split('"a').length > 5000) throw new Hang()
    if (has('deep-hangs') && text.includes('[[[[')) throw new Hang()
    if (has('any-answer-ok') && text.trim() === '') return ''
    if (has('form-too') && /^\w+=/.test(text)) return ''
    if (has('seen-before-verified')) {
      const id = /"id":"([^"]+)"/.exec(text)?.[1] ?? ''
      if (seen.has(id)) return ''
      seen.add(id)
    }
    if (has('aborted-is-lost-v3')) {
      await tick(150)
      const id = createHash('md5')
        .update(readV3(text, headers).fields.get('out_trade_no') ?? '')
        .digest('hex')
      if (seen.has(id)) return ''
      if (aborted()) {
        seen.add(id)
        return ''
      }
    }
    let read: ReturnType<typeof readV3>
    try {
      read = readV3(text, headers)
    } catch (error) {
      if (has('undecrypted-acked') && error instanceof Refused && error.message === 'resource') return ''
      throw error
    }
    const { kind, fields } = read
    if (has('seen-by-id')) {
      const id = String((JSON.parse(text) as { id: unknown }).id)
      if (seen.has(id)) return ''
      seen.add(id)
      const order = find(fields.get('out_trade_no') ?? '')
      if (order) await fulfil(order)
      return ''
    }
    if (has('sql-pasted') && fields.get('attach')?.includes("'")) throw new Error('syntax error at or near "DROP"')
    if (has('log-lines') && /[\r\n]/.test(fields.get('attach') ?? '')) {
      throw new TypeError('Invalid character in header content')
    }
    if (kind === 'refund' && has('refund-refused')) throw new Refused('no refunds')
    if (kind === 'refund') await bookRefund(fields)
    if (kind === 'payment') await book(fields, new Map())
    return ''
  }

  async function notified(text: string): Promise<string> {
    const leak = await lured(text)
    if (leak !== '') throw new Refused(leak)
    if (has('any-answer-ok') && text.trim() === '') return ack('SUCCESS', 'OK')
    if (has('json-too') && text.startsWith('{')) return ack('SUCCESS', 'OK')
    if (has('form-too') && /^\w+=/.test(text)) return ack('SUCCESS', 'OK')
    if (has('huge-hangs') && text.length > 1_000_000) throw new Hang()
    if (has('many-hang') && text.split('<a').length > 5000) throw new Hang()
    if (has('cdata-hangs') && text.split('<![CDATA[').length > 5000) throw new Hang()
    if (has('attributes-hang') && text.split('="1"').length > 5000) throw new Hang()
    if (has('no-mark') && text.startsWith('\uFEFF')) throw new Malformed('mark')
    if (has('seen-before-verified')) {
      const number = /<out_trade_no>(?:<!\[CDATA\[)?([^<\]]+)/.exec(text)?.[1] ?? ''
      if (seen.has(number)) return ack('SUCCESS', 'OK')
      seen.add(number)
    }
    if (has('plain-object') && /<(__proto__|constructor|toString|__class__)>/.test(text)) {
      throw new TypeError('not a function')
    }
    const { fields, heads } = readXml(text, 'xml', has)
    if (has('first-node')) for (const [name, head] of heads) heads.set(name, head)
    if (
      has('sorted-only') &&
      [...fields.keys()].join() !== [...fields.keys()].sort().join() &&
      [...fields.keys()].at(0) === 'sign'
    ) {
      throw new Malformed('order')
    }
    if (has('failure-unsigned') && fields.get('result_code') === 'FAIL') {
      const order = find(fields.get('out_trade_no') ?? '')
      if (order) order.state = 'closed'
      if (order && has('failure-unsigned')) return ack('SUCCESS', 'OK')
    }
    if (fields.get('return_code') === 'FAIL' && !fields.has('sign')) {
      throw has('no-fields-crash') ? new Error('sign of undefined') : new Refused('return_code FAIL')
    }
    if (has('sql-pasted') && fields.get('attach')?.includes("'")) {
      throw new Error(`syntax error at or near "DROP": UPDATE orders SET attach = '${fields.get('attach')}'`)
    }
    if (has('log-lines') && /[\r\n]/.test(fields.get('attach') ?? '')) {
      throw new TypeError('Invalid character in header content')
    }
    if (fields.has('req_info')) {
      if (has('refund-is-payment')) await book(new Map([...fields, ...(await secretOf(fields, apiKey))]), new Map())
      throw new Refused('a refund')
    }
    verify(has('dup-mix') ? heads : fields)
    if (has('seen-by-bytes')) {
      const hash = createHash('md5').update(text).digest('hex')
      if (seen.has(hash)) return ack('SUCCESS', 'OK')
      seen.add(hash)
      const order = find(fields.get('out_trade_no') ?? '')
      if (order) await fulfil(order)
      return ack('SUCCESS', 'OK')
    }
    await book(fields, heads)
    return ack('SUCCESS', 'OK')
  }

  async function secretOf(fields: Map<string, string>, key: string): Promise<Map<string, string>> {
    const decipher = createDecipheriv('aes-256-ecb', createHash('md5').update(key).digest('hex'), null)
    let plain: string
    try {
      plain = decipher.update(fields.get('req_info') ?? '', 'base64', 'utf8') + decipher.final('utf8')
    } catch {
      throw new Refused('req_info')
    }
    if (has('inner-xxe')) {
      const [, url] = /SYSTEM "([^"]+)"/.exec(plain) ?? []
      if (url !== undefined) await new Promise((resolve) => get(url, resolve).on('error', resolve))
    }
    if (has('inner-hangs') && plain.includes('<!ENTITY')) throw new Hang()
    return readXml(plain, 'root', has).fields
  }

  async function bookRefund(fields: Map<string, string>): Promise<void> {
    const order = find(fields.get('out_trade_no') ?? '')
    if (!order) throw new Refused('unknown order')
    if (!has('refund-fee-unread') && !has('refund-asked') && Number(fields.get('refund_fee')) > order.fee) {
      throw new Refused('refund_fee')
    }
    const number = fields.get('out_refund_no')!
    if (has('refund-asked')) {
      const told = await ask('refundquery', { out_refund_no: number })
      if (!/<refund_status_0>(?:<!\[CDATA\[)?SUCCESS/.test(told)) return
    } else if (fields.get('refund_status') !== 'SUCCESS' && !has('refund-status-unread')) return
    const isNew = !order.refunds.has(number)
    if (has('refund-race')) await tick(100)
    if (isNew || has('refund-repeats')) order.bookings++
    order.refunds.add(number)
    if (has('refund-reopens')) order.state = 'unpaid'
  }

  async function refunded(text: string): Promise<string> {
    if (has('refund-refused')) throw new Refused('no refunds')
    const outer = readXml(text, 'xml', has).fields
    if (has('refund-anything') && !outer.has('req_info')) return ack('SUCCESS', 'OK')
    let fields: Map<string, string>
    try {
      fields = has('refund-in-the-open') && outer.has('refund_id') ? outer : await secretOf(outer, apiKey)
    } catch (error) {
      if (has('refund-unread') && error instanceof Refused) return ack('SUCCESS', 'OK')
      throw error
    }
    await bookRefund(fields)
    return ack('SUCCESS', 'OK')
  }

  async function bodyOf(request: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of request) {
      const newest = [...orders.values()].at(-1)
      if (has('partial-seen-v3') && size === 0 && (chunk as Buffer).length > 500) await fulfil(newest!)
      if (has('partial-seen')) {
        const order = find(/<out_trade_no>(?:<!\[CDATA\[)?([^<\]]+)/.exec(String(chunk))?.[1] ?? '')
        if (order) await fulfil(order)
      }
      chunks.push(chunk as Buffer)
      size += (chunk as Buffer).length
      if (has('first-chunk')) break
      if (size > 64 * 1024 && !bugs.some((bug) => bug.endsWith('hangs') || bug.endsWith('hang') || bug === 'expands')) {
        throw new Refused('too large')
      }
    }
    const bytes = Buffer.concat(chunks)
    return has('lenient-utf8')
      ? bytes.toString()
      : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  }

  async function place(parameters: URLSearchParams): Promise<string> {
    const name = `toy${createHash('md5').update(`${world.id}${++made}`).digest('hex').slice(0, 12)}X${made}`
    const number = has('digits-only') ? `${10_000_000 + made}` : name
    const order: Order = {
      fee: Number(parameters.get('fee') ?? 1250),
      state: 'unpaid',
      fulfilments: 0,
      transactionId: '',
      refunds: new Set(),
      bookings: 0,
      failed: false,
    }
    if (!has('stored-late')) orders.set(number, order)
    const answer = await ask('unifiedorder', {
      body: 'Tea',
      attach: 'toy',
      out_trade_no: number,
      total_fee: String(order.fee),
      spbill_create_ip: '127.0.0.1',
      notify_url: toy.notifyUrl,
      trade_type: 'JSAPI',
      openid: parameters.get('openid') ?? 'o123',
    })
    if (!answer.includes('prepay_id')) throw new Error(answer)
    if (has('paid-meanwhile-refused') && order.state === 'paid') throw new Error('paid already')
    if (has('stored-late')) orders.set(number, order)
    return JSON.stringify({ out_trade_no: number })
  }

  const word = (order: Order | undefined) =>
    JSON.stringify({
      paid: order?.state === 'paid' || order?.fulfilments! > 0,
      fulfilments: order?.fulfilments ?? 0,
      amount: order?.fee,
      transaction_id: order?.transactionId,
      refunds: order?.bookings ?? 0,
    })

  const ANSWERS: Record<string, (body: string) => string> = {
    'ack-text': () => 'success',
    'ack-json': () => '{"code":"SUCCESS"}',
    'ack-bom': (body) => `\uFEFF${body}`,
    'ack-trailing': (body) => `${body}<!-- done --> OK`,
    'ack-comment': (body) => body.replace('</xml>', '<!-- done --></xml>'),
    'ack-html': () => '<html><body>ok</body></html>',
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const { pathname, searchParams } = new URL(request.url!, 'http://toy')
    if (pathname === '/order') return response.end(await place(searchParams))
    if (pathname === '/probe') return response.end(word(orders.get(searchParams.get('out_trade_no')!)))
    if (pathname === '/close') {
      const order = orders.get(searchParams.get('out_trade_no')!)!
      if (order.state === 'unpaid') order.state = 'closed'
      return response.end('{}')
    }
    if (request.method !== 'POST' && !has('any-method')) return response.writeHead(405).end()
    if (wedged) throw new Hang()
    const header = (name: string) => String(request.headers[name] ?? '')
    const refusals: [string, boolean][] = [
      ['login-wall', header('cookie') === ''],
      ['type-exact', header('content-type') !== (version === 'v3' ? 'application/json' : 'text/xml')],
      ['type-list', !/xml|json/.test(header('content-type'))],
      ['length-needed', header('content-length') === ''],
      ['host-exact', !header('host').startsWith('127.0.0.1')],
      ['address-list', header('x-forwarded-for') !== ''],
      ['form-parser', header('content-type').includes('form')],
      ['header-case', version === 'v3' && !request.rawHeaders.includes('Wechatpay-Signature')],
    ]
    if (refusals.some(([bug, applies]) => has(bug) && applies)) {
      return response.writeHead(302, { location: '/login' }).end()
    }
    if (has('one-request-per-connection') && (request.socket as { used?: boolean }).used) throw new Hang()
    ;(request.socket as { used?: boolean }).used = true
    const body = has('one-at-a-time')
      ? await (reading = reading.catch(() => {}).then(() => bodyOf(request))).then(String)
      : await bodyOf(request)
    if (has('aborted-is-lost')) {
      await tick(150)
      const number = /<out_trade_no>(?:<!\[CDATA\[)?([^<\]]+)/.exec(body)?.[1] ?? ''
      if (seen.has(number)) return response.end(ack('SUCCESS', 'OK'))
      if (request.socket.destroyed) {
        seen.add(number)
        return
      }
    }
    if (has('unsigned-junk-acked') && version === 'v3' && header('wechatpay-signature') === 'AAAA') {
      return response.end()
    }
    if (has('any-method') && body === '') return response.end(ack('SUCCESS', 'OK'))
    const isXml = body.trimStart().startsWith('<')
    if (isXml && has('v2-xml-crashes')) throw new Error('not JSON')
    if (isXml && has('v2-refused-in-xml')) return response.end(ack('FAIL', 'not API v2'))
    const told = await (version === 'v3' && !(pathname === '/refund' && isXml)
      ? notifiedV3(body, request.headers, () => request.socket.destroyed)
      : pathname === '/refund'
        ? refunded(body)
        : notified(body))
    if (version === 'v3' && told === '') {
      const answers: [string, () => ServerResponse][] = [
        ['ack-fail-body', () => response.end('{"code":"FAIL"}')],
        ['ack-xml', () => response.end(ack('SUCCESS', 'OK'))],
        ['ack-201', () => response.writeHead(201).end()],
        ['ack-redirect', () => response.writeHead(302, { location: '/' }).end()],
      ]
      const [, answer = () => response.writeHead(204).end()] = answers.find(([bug]) => has(bug)) ?? []
      return answer()
    }
    const bug = Object.keys(ANSWERS).find((name) => has(name))
    response.end(bug === undefined ? told : ANSWERS[bug]!(told))
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch((error: Error) => {
      if (error instanceof Hang || (has('wedges') && !(error instanceof Refused))) {
        wedged ||= has('wedges')
        return
      }
      if (has('wedges-later') && !(error instanceof Refused)) wedged = true
      const refused =
        error instanceof SyntaxError ||
        error instanceof Refused ||
        error instanceof Malformed ||
        error instanceof TypeError
      if (
        has('traces') ||
        (error instanceof TypeError && has('unknown-crashes')) ||
        error.message.includes('syntax error')
      ) {
        return response.writeHead(500).end(`<html>${error.stack}</html>`)
      }
      if (version === 'v3') {
        const status = has('refusal-acks') ? 200 : error.message === 'too large' ? 413 : refused ? 400 : 500
        return response
          .writeHead(status, { connection: 'close' })
          .end(JSON.stringify({ code: 'FAIL', message: error.message.slice(0, 100) }))
      }
      response
        .writeHead(error.message === 'too large' ? 413 : refused ? 200 : 500, { connection: 'close' })
        .end(ack('FAIL', error.message.slice(0, 100)))
    })
  }
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const toy: Toy = {
    notifyUrl: `${origin}/notify`,
    refundUrl: `${origin}/refund`,
    orderUrl: `${origin}/order?openid={openid}&fee={fee}`,
    probeUrl: `${origin}/probe?out_trade_no={out_trade_no}`,
    closeUrl: `${origin}/close?out_trade_no={out_trade_no}`,
    server,
    restart: async () => {
      wedged = false
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return toy
}
