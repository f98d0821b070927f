import type { Finding } from '../journal/entry.ts'
import type { ApiVersion, Verdict } from '../wire/names.ts'
import { readXml, WireError } from '../wire/xml.ts'
import { lintReply } from './reply-lint.ts'
import { NOT_ALLOWED, type Exchange, type Reply } from './sender.ts'

export interface Judgement {
  readonly verdict: Verdict
  readonly reason: string
  /** What production might reject about an answer that is accepted here. */
  readonly lint?: readonly Finding[]
}

const EXPECTED = '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>'

const shown = (body: string) => JSON.stringify(body.length > 60 ? `${body.slice(0, 60)}…` : body)

function judgeXml(body: string): Judgement {
  const fields = readXml(body)
  const code = fields.get('return_code')?.trim()
  if (code === undefined) {
    return {
      verdict: 'wrong_field_name',
      reason: `the reply has no return_code, only ${shown([...fields.keys()].join(', '))}; answer ${EXPECTED}`,
    }
  }
  if (code === 'SUCCESS') return { verdict: 'acked', reason: 'the merchant acknowledged the notification' }
  const message = fields.get('return_msg') ?? ''
  return code === 'FAIL'
    ? { verdict: 'fail_xml', reason: `the merchant refused the notification: ${shown(message)}` }
    : { verdict: 'fail_xml', reason: `return_code is ${shown(code)}; only SUCCESS, in capitals, acknowledges` }
}

function judgeText(body: string): Judgement {
  const start = body.trimStart()
  if (body.trim() === '') return { verdict: 'empty_body', reason: `the reply has no body; answer ${EXPECTED}` }
  if (/^[{[]/.test(start)) {
    return { verdict: 'json_body', reason: `the reply is JSON (${shown(body)}); the V2 API expects ${EXPECTED}` }
  }
  if (/^<(?:!doctype\s+html|html)/i.test(start)) {
    return {
      verdict: 'html_page',
      reason:
        'the reply is an HTML page: an error page, a login wall or a catch-all route answered instead of the notify handler',
    }
  }
  if (body.startsWith('\uFEFF')) {
    return {
      verdict: 'stray_characters',
      reason: 'the reply starts with a byte order mark; save the file that prints it without BOM',
    }
  }
  const end = body.lastIndexOf('</xml>')
  if (end >= 0 && body.slice(end + 6).trim() !== '') {
    return {
      verdict: 'stray_characters',
      reason: `output follows </xml>: ${shown(body.slice(end + 6))}; end the response right there`,
    }
  }
  const first = start.indexOf('<')
  if (first > 0 && end >= 0) {
    return { verdict: 'stray_characters', reason: `there is output before <xml>: ${shown(start.slice(0, first))}` }
  }
  try {
    return judgeXml(body)
  } catch (error) {
    const { kind, message } = error as WireError
    if (kind === 'stray') {
      return {
        verdict: 'stray_characters',
        reason: `${message} of ${shown(body)}, for example the two characters \\n instead of a line feed`,
      }
    }
    if (kind === 'root') return { verdict: 'wrong_field_name', reason: `${message}; answer ${EXPECTED}` }
    return {
      verdict: 'not_xml',
      reason: `the reply ${shown(body)} is not the expected XML (${message}); answer ${EXPECTED}`,
    }
  }
}

// A merchant answers most notifications with the same text as the previous one.
let last = { body: '', judgement: judgeText('') }

function judgeBody(body: string): Judgement {
  if (body !== last.body) last = { body, judgement: judgeText(body) }
  return last.judgement
}

/** It is unknown how WeChat treats this answer: it is accepted with a finding; a strict world rejects it. */
function judgeDoubtful(reply: Reply, acked: Judgement, strict: boolean): Judgement {
  const doubts = lintReply(reply)
  const [first] = doubts
  if (!first) return acked
  const lint = doubts.map(({ finding }) => finding)
  return strict ? { verdict: first.verdict, reason: `strict: ${first.finding.message}`, lint } : { ...acked, lint }
}

function redirected(status: number, location: Reply['headers'][string]): Judgement {
  return {
    verdict: 'redirect',
    reason: `the merchant redirects (HTTP ${status} to ${String(location ?? 'nowhere')}); WeChat does not follow redirects: give it the final URL`,
  }
}

function judgeReply(reply: Reply, strict: boolean): Judgement {
  const {
    status,
    headers: { location, 'content-encoding': coding },
    body,
    raw,
  } = reply
  if (status >= 300 && status < 400) return redirected(status, location)
  // Undocumented for V2; in V3 the status takes precedence over the body, so the mock does the same.
  if (status !== 200) {
    return {
      verdict: 'http_status',
      reason: `HTTP ${status}; only 200 acknowledges, whatever the body says (${shown(body)})`,
    }
  }
  const judgement = judgeBody(body)
  if (judgement.verdict === 'acked') return judgeDoubtful(reply, judgement, strict)
  if (raw && coding !== undefined) {
    return {
      verdict: 'not_xml',
      reason: `the reply is compressed (Content-Encoding: ${String(coding)}), but the notification has no Accept-Encoding`,
    }
  }
  return judgement
}

/** What a merchant writes in a reply that is meant as a failure. */
const saysFail = (body: string) => /"code"\s*:\s*"(?!SUCCESS")|return_code>\s*(?:<!\[CDATA\[)?FAIL/.test(body)

/** API v3: only the status decides. */
function judgeStatus({ status, body, headers: { location } }: Reply, strict: boolean, hint?: string): Judgement {
  if (status >= 300 && status < 400) return redirected(status, location)
  if (status !== 200 && status !== 204) {
    return {
      verdict: 'http_status',
      reason: `HTTP ${status}; only 200 and 204 acknowledge (${shown(body)})${hint === undefined ? '' : `; ${hint}`}`,
    }
  }
  if (!saysFail(body)) return { verdict: 'acked', reason: 'the merchant acknowledged the notification' }
  const message = `HTTP ${status} acknowledges whatever the body says, and it says ${shown(body)}; answer 4xx or 5xx to refuse`
  return strict
    ? { verdict: 'http_status', reason: `strict: ${message}` }
    : {
        verdict: 'acked',
        reason: 'the merchant acknowledged the notification',
        lint: [{ rule: 'reply-says-fail', level: 'warning', field: 'body', message }],
      }
}

const REFUSED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ETIMEDOUT']

/** Node's codes for an invalid address or header, and the mock's for a hook that throws. */
const UNSENDABLE = /^ERR_(?:INVALID|HOOK)/

const TLS = /^(?:ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH)/

function judgeFailure({ code = '', message }: NodeJS.ErrnoException): Judgement {
  const told = `${code} ${message}`.trim()
  if (code === NOT_ALLOWED) return { verdict: 'connection_refused', reason: `it was not sent: ${message}` }
  if (REFUSED.includes(code)) {
    return {
      verdict: 'connection_refused',
      reason: `no connection could be made (${told}); is the application listening at the notify_url?`,
    }
  }
  if (UNSENDABLE.test(code)) {
    return { verdict: 'connection_refused', reason: `it could not be sent (${told}); was it crafted or changed?` }
  }
  if (TLS.test(code)) {
    return {
      verdict: 'tls',
      reason: `no TLS connection could be made (${told}); WeChat requires a complete chain from a public authority`,
    }
  }
  return { verdict: 'reset', reason: `the connection broke before a complete reply had arrived (${told})` }
}

export interface JudgeOptions {
  /** Default v2. */
  readonly version?: ApiVersion
  /** An answer that production might reject is not an acknowledgement. */
  readonly strict?: boolean | undefined
  /** Added to the reason where a notification of API v3 is refused. */
  readonly timeHint?: (() => string | undefined) | undefined
}

/**
 * WeChat's verdict on an exchange (official list of wrong replies: doc/v2/partner/4011984734). */
export function judge(exchange: Exchange, limitMs: number, options: JudgeOptions = {}): Judgement {
  const { version = 'v2', strict = false, timeHint } = options
  if ('reply' in exchange) {
    return version === 'v2' ? judgeReply(exchange.reply, strict) : judgeStatus(exchange.reply, strict, timeHint?.())
  }
  if ('error' in exchange) return judgeFailure(exchange.error)
  return {
    verdict: 'timeout_5s',
    reason: `no complete reply within ${limitMs} ms; acknowledge first and do slow work afterwards`,
  }
}
