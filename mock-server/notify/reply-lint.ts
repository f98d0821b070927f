import { without, withoutCdata } from '../wire/xml.ts'
import type { Finding } from '../journal/entry.ts'
import type { Verdict } from '../wire/names.ts'
import type { Reply } from './sender.ts'

interface Rule {
  readonly rule: string
  readonly field: string
  /** The verdict of a strict world. */
  readonly verdict: Verdict
  /** What is wrong, if anything is. `markup` is the XML without its CDATA. */
  readonly check: (reply: Reply, markup: string) => string | undefined
}

const UTF8 = /^(?:utf-?8|(?:us-)?ascii)$/i

const notUtf8 = (where: string, charset = 'UTF-8') =>
  UTF8.test(charset) ? undefined : `${where} says ${charset}; V2 messages are UTF-8`

/**
 * Flaws of a SUCCESS answer that the list of wrong replies (doc/v2/partner/4011984734) does not cover: no recording shows
 * how WeChat treats them.
 */
const RULES: readonly Rule[] = [
  {
    rule: 'reply-content-encoding',
    field: 'Content-Encoding',
    verdict: 'not_xml',
    check: ({ headers: { 'content-encoding': coding } }) =>
      coding === undefined || String(coding).toLowerCase() === 'identity'
        ? undefined
        : `the reply says Content-Encoding: ${String(coding)} but is plain text; a client that trusts the header cannot read it`,
  },
  {
    rule: 'reply-not-utf8',
    field: 'body',
    verdict: 'not_xml',
    check: ({ raw }) => (raw ? 'the reply has bytes that are not UTF-8' : undefined),
  },
  {
    rule: 'reply-charset',
    field: 'Content-Type',
    verdict: 'not_xml',
    check: ({ headers: { 'content-type': type } }) =>
      notUtf8('the Content-Type of the reply', /charset=["']?([^\s;"']+)/i.exec(String(type))?.[1]),
  },
  {
    rule: 'reply-encoding',
    field: 'body',
    verdict: 'not_xml',
    check: (_reply, markup) =>
      notUtf8('the XML declaration of the reply', /^\s*<\?xml\s[^>]*encoding\s*=\s*["']([^"']*)/.exec(markup)?.[1]),
  },
  {
    rule: 'reply-comment',
    field: 'body',
    verdict: 'stray_characters',
    check: (_reply, markup) => (markup.includes('<!--') ? 'the reply has a comment' : undefined),
  },
  {
    rule: 'reply-instruction',
    field: 'body',
    verdict: 'stray_characters',
    check: (_reply, markup) => {
      const [, target] = /<\?(?!xml\s)(\S+)/.exec(markup) ?? []
      return target === undefined ? undefined : `the reply has a processing instruction, <?${target}`
    },
  },
  {
    rule: 'reply-attribute',
    field: 'body',
    verdict: 'not_xml',
    check: (_reply, markup) => {
      const [, name] = /<\w[^\s<>/]*\s+([^\s<>=/]+)\s*=/.exec(without(markup, '<!--', '-->')) ?? []
      return name === undefined ? undefined : `an element of the reply has the attribute ${name}`
    },
  },
  {
    rule: 'reply-spaces',
    field: 'return_code',
    verdict: 'fail_xml',
    check: ({ body }) => {
      const code = /<return_code>(.*?)<\/return_code>/s.exec(body)?.[1]?.replace(/<!\[CDATA\[|\]\]>/g, '')
      return code === code?.trim()
        ? undefined
        : `there is white space around SUCCESS in return_code: ${JSON.stringify(code)}`
    },
  },
]

/** What WeChat might reject about an acknowledging reply, and the verdict of a strict world. */
export function lintReply(reply: Reply): { readonly finding: Finding; readonly verdict: Verdict }[] {
  const markup = withoutCdata(reply.body)
  return RULES.flatMap(({ rule, field, verdict, check }) => {
    const message = check(reply, markup)
    return message === undefined ? [] : [{ finding: { rule, level: 'warning', field, message }, verdict }]
  })
}
