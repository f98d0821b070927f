import { levelOf, type Case, type Suite } from '../case.ts'
import type { CardEvent } from '../parts/bench.ts'
import type { Card, CaseResult } from '../run.ts'
import { CARD_VERDICTS } from '../verdicts.ts'

const pad = (text: string, length: number) => text.padEnd(length)

/** One line: the verdict of a case. */
export const lineOf = ({ id, verdict, severity, title, said }: CaseResult) =>
  `${pad(verdict, 5)} ${pad(id, 6)} ${title}${verdict === 'PASS' ? '' : ` (${severity}): ${said}`}`

const tally = ({ counts }: Card) =>
  CARD_VERDICTS.filter((verdict) => counts[verdict] > 0)
    .map((verdict) => `${counts[verdict]} ${verdict}`)
    .join(', ')

/** Why cases were skipped, and how many for each reason. */
function unseen({ results }: Card): string[] {
  const reasons = new Map<string, number>()
  for (const { verdict, said } of results) if (verdict === 'SKIP') reasons.set(said, (reasons.get(said) ?? 0) + 1)
  return [...reasons].map(([said, n]) => `SKIP  ${n} case${n === 1 ? '' : 's'}: ${said}`)
}

/** The card for a terminal: the sentence first, then every case that is not PASS. */
export function textOf(card: Card): string {
  const { sentence, suite, seed, target, level, durationMs, results } = card
  const told = results.filter(({ verdict }) => verdict !== 'PASS' && verdict !== 'SKIP')
  return [
    sentence,
    `${suite} at level ${level}, seed ${seed}, against ${target}: ${tally(card)} in ${(durationMs / 1000).toFixed(1)} s`,
    ...told.map(lineOf),
    ...unseen(card),
    ...(told.some(({ verdict }) => verdict === 'FAIL')
      ? ['wechat-mock card explain ID shows what a case requires and how to fix it']
      : []),
    '',
  ].join('\n')
}

/** The command that repeats a case. */
export const repeatOf = ({ suite, seed, target }: Pick<Card, 'suite' | 'seed' | 'target'>, id: string) => {
  const version = suite.startsWith('notify-v3') ? ' --version v3' : suite.startsWith('login') ? ' --version login' : ''
  const flag = version.endsWith('login') ? '--login-url' : '--notify-url'
  return `wechat-mock card run${version} ${flag} ${target} --seed ${seed} --only ${id}`
}

export const sourceOf = ({ source }: Case) => source ?? 'our judgement: WeChat documents nothing about it'

/** A text of the card in a language. */
export type Tell = (text: string) => string

const asItIs: Tell = (text) => text

/** Explains a case on a terminal. */
export function explained(suite: Suite, one: Case, tell: Tell = asItIs): string {
  const { id, title, severity, must, fix, why, play } = one
  const chapter = suite.chapters.find(({ cases }) => cases.includes(one))!.name
  const labelled = (label: string, text: string) => `${tell(label)}: ${tell(text)}`
  const facts = [
    severity,
    `level ${levelOf(one)} and up`,
    ...(play.needs.length > 0 ? [`needs ${play.needs.join(', ')}`] : []),
  ]
  return [
    `${id} ${tell(title)}`,
    `${suite.id}, ${tell(chapter)}; ${facts.map(tell).join('; ')}`,
    '',
    tell(must),
    labelled('Source', sourceOf(one)),
    '',
    `${tell('Outcomes')}:`,
    ...play.outcomes.map(([verdict, when]) => `  ${pad(verdict, 5)} ${tell(when)}`),
    '',
    labelled('Fix', fix),
    ...(why === undefined ? [] : [labelled('Why this case', why)]),
    `${tell('Repeat')}: ${repeatOf({ suite: suite.id, seed: 'card', target: 'http://127.0.0.1:8080/wechat/notify' }, id)}`,
    '',
  ].join('\n')
}

export function listed(suite: Suite, tell: Tell = asItIs): string {
  return suite.chapters
    .flatMap(({ name, cases }) => [
      `${suite.id} ${tell(name)}`,
      ...cases.map(
        (one) =>
          `  ${pad(one.id, 6)} ${levelOf(one)} ${pad(one.severity, 12)} ${one.quick ? 'quick ' : '      '} ${tell(one.title)}`,
      ),
    ])
    .concat('')
    .join('\n')
}

/** The request of an event as a shell command. */
export function curlOf({ request }: CardEvent): string | undefined {
  if (!request) return undefined
  const { url, method, headers, body } = request
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const options = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`)
  const bytes = body.base64 === undefined ? `printf %s ${quoted(body.text)}` : `printf %s ${body.base64} | base64 -d`
  const more =
    body.bytes > Buffer.byteLength(body.text) && body.base64 === undefined ? ' # and the rest of the body' : ''
  return `${bytes} | curl -i -X ${method} ${quoted(url)} ${options.join(' ')} --data-binary @-${more}`
}
