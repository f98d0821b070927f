import { MockError } from '../base/errors.ts'
import { levelOf, type Case } from '../report/case.ts'
import type { CardEvent } from '../report/parts/bench.ts'
import { curlOf, sourceOf } from '../report/output/text.ts'
import type { Card } from '../report/run.ts'
import { runsOf, type Run } from '../report/runs.ts'
import { casesOf, SUITES } from '../report/suites.ts'
import type { CardVerdict } from '../report/verdicts.ts'
import { copyable, form } from './frame/layout.ts'
import { html, type Markup, type Piece } from './frame/markup.ts'
import { told } from './frame/told.ts'
import { here, segment, to, type Page, type View } from './frame/view.ts'
import { empty } from './orders.ts'
import { bytes } from './parts/bytes.ts'
import { cardCommand, caseCommand } from './parts/commands.ts'

/** The verdicts, the worst first. The shape of a mark says the same as its colour. */
const MARKS: Readonly<Record<CardVerdict, readonly [mark: string, look: string]>> = {
  FAIL: ['✕', 'bad'],
  ERROR: ['✕', 'bad'],
  LAX: ['◐', 'wait'],
  INFO: ['○', 'wait'],
  PASS: ['●', 'good'],
  SKIP: ['⊘', 'off'],
}
const VERDICTS = Object.keys(MARKS) as CardVerdict[]

const verdictOf = (verdict: CardVerdict): Markup => {
  const [mark, look] = MARKS[verdict]
  return html`<b class="verdict ${look}">${mark} ${verdict}</b>`
}

function startForm(view: View): Markup {
  const { say } = view
  const field = (name: string, label: string, example: string, hint?: string) =>
    html`<label title="${hint ?? label}">${label}<input name="${name}" size="32" maxlength="256" placeholder="${example}"></label>`
  const choice = (name: string, label: string, options: Piece) =>
    html`<label>${label}<select name="${name}">${options}</select></label>`
  const version = choice(
    'version',
    say('suite'),
    html`<option value="v2">API v2</option><option value="v3">API v3</option><option value="login">${say('suiteLogin')}</option>`,
  )
  const cases = choice(
    'quick',
    say('cases'),
    html`<option value="">${say('all')}</option><option value="yes">${say('quick')}</option>`,
  )
  return html`<div class="acts">${form(
    view,
    'run',
    {},
    html`${field('notifyUrl', 'notify_url', 'http://127.0.0.1:8080/wechat/notify')}${version}${cases}${field('orderUrl', say('orderUrl'), 'http://…/order?fee={fee}')}${field('probeUrl', say('probeUrl'), 'http://…/orders/{out_trade_no}')}<button class="main">${say('runCard')}</button>
<details class="more"><summary>${say('cardMore')}</summary><div class="acts">${field('refundUrl', say('refundUrl'), 'http://127.0.0.1:8080/wechat/refund-notify', say('refundUrlHint'))}${field('closeUrl', say('closeUrl'), 'http://…/orders/{out_trade_no}/close', say('closeUrlHint'))}${field('loginUrl', say('loginUrl'), 'http://127.0.0.1:8080/wechat/login', say('loginUrlHint'))}${field('only', say('only'), 'N-2, N-101')}${field('exclude', say('exclude'), 'N-5')}${field('seed', say('seed'), 'card', say('seedHint'))}${field('settleMs', say('settleMs'), '3000', say('settleMsHint'))}</div></details>`,
  )}</div><p class="dim">${say('cardHint')}</p>`
}

/** How often each verdict was given; each leads to its cases. */
function tally(view: View, { results }: Run, chosen: string | null): Markup {
  const link = (name: string | undefined, label: Piece) =>
    html`<a href="${here(view, { verdict: name })}"${(name ?? null) === chosen && html` aria-current="true"`}>${label}</a>`
  const counts = VERDICTS.map((name) => [name, results.filter(({ verdict }) => verdict === name).length] as const)
  return html`<div class="filters">${link(undefined, view.say('all'))}${counts.map(
    ([name, n]) => n > 0 && link(name, html`${verdictOf(name)} ${n}`),
  )}</div>`
}

/** The worst first, and then in the order of the suite. */
function list(view: View, { results }: Run, chosen: string | null): Markup {
  const shown = VERDICTS.flatMap((name) => results.filter(({ verdict }) => verdict === name)).filter(
    ({ verdict }) => chosen === null || verdict === chosen,
  )
  return html`<ul class="rows">${shown.map(
    ({ id, title, severity, verdict, said }) =>
      html`<li><a class="row case" href="${to(view, `card/${segment(id)}`)}">${verdictOf(verdict)}<span class="id">${id}</span><span class="what"><span>${told(view, title)}</span>${verdict !== 'PASS' && html`<small>${told(view, said)}</small>`}</span><small class="cost">${told(view, severity)}</small></a></li>`,
  )}</ul>`
}

const lookOf = ({ sentence }: Card) => (/: no/.test(sentence) ? 'bad' : /: yes/.test(sentence) && 'good')

/** Is my app safe with money? */
export function cardPage(view: View): Page {
  const { world, say } = view
  const run = runsOf(world).at(-1)
  const chosen = view.query.get('verdict')
  const heading = (run: Run) =>
    run.card
      ? html`<h2 class="${lookOf(run.card)}">${told(view, run.card.sentence)}</h2>`
      : html`<h2>${say('runProgress', { done: run.results.length, cases: run.cases })}</h2><progress value="${run.results.length}" max="${run.cases}"></progress>`
  return {
    title: say('card'),
    tab: 'card',
    main: html`<h1>${say('card')}</h1>${startForm(view)}${
      run
        ? html`${heading(run)}${tally(view, run, chosen)}${list(view, run, chosen)}`
        : empty(say('emptyCard'), say('emptyCardHint'), copyable(view, cardCommand(view)))
    }`,
  }
}

/** WeChat's page, as a link. */
function sourceLink(view: View, one: Case): Piece {
  const source = told(view, sourceOf(one))
  const [, address, rest] = /^(\S+\.com\/[^\s（]+)(.*)$/.exec(source) ?? []
  return address === undefined ? source : html`<a href="https://${address}" rel="noreferrer">${address}</a>${rest}`
}

const happened = (view: View, { atMs, text, request, response }: CardEvent): Markup =>
  html`<li><time>+${atMs} ms</time>${told(view, text)}${
    request &&
    html`<details><summary class="mono">${request.method} ${request.url}</summary>${bytes(view, request.body.text)}${response && [html`<p class="mono">HTTP ${response.status}</p>`, bytes(view, response.body.text)]}${copyable(view, curlOf({ atMs, text, request })!)}</details>`
  }</li>`

/** What does a case require, and what came of it? */
export function casePage(view: View, id: string): Page {
  const { world, say } = view
  const suite = SUITES.find((suite) => casesOf(suite).some((one) => one.id === id))
  if (!suite) throw new MockError('BAD_INPUT', `there is no case ${id}`)
  const one = casesOf(suite).find((one) => one.id === id)!
  const run = runsOf(world).at(-1)
  const result = run?.results.find((result) => result.id === id)
  const like = suite.version === (run?.request.version ?? 'v2') ? run : undefined
  const { severity, must, fix, why, play } = one
  const title = told(view, one.title)
  const chapter = suite.chapters.find(({ cases }) => cases.includes(one))!.name
  return {
    title: `${id} ${title}`,
    tab: 'card',
    main: html`<p class="crumb"><a href="${to(view, 'card')}">${say('card')}</a> · ${suite.id} · ${told(view, chapter)}</p><h1>${id} ${title}</h1>
${result && html`<p class="note ${MARKS[result.verdict][1]}">${verdictOf(result.verdict)} ${told(view, result.said)}</p>`}
<dl class="facts"><dt>${say('must')}</dt><dd>${told(view, must)}</dd><dt>${say('source')}</dt><dd>${sourceLink(view, one)}</dd><dt>${say('severity')}</dt><dd>${told(view, severity)}</dd><dt>${say('level')}</dt><dd>${say('levelUp', { level: levelOf(one) })}</dd><dt>${say('fix')}</dt><dd>${told(view, fix)}</dd>${why !== undefined && html`<dt>${say('why')}</dt><dd>${told(view, why)}</dd>`}</dl>
<h2>${say('outcomes')}</h2><dl class="facts">${play.outcomes.map(([verdict, when]) => html`<dt>${verdictOf(verdict)}</dt><dd>${told(view, when)}</dd>`)}</dl>
${result && html`<h2>${say('timeline')}</h2><ol class="line">${result.events.map((event) => happened(view, event))}</ol>`}
<h2>${say('repeat')}</h2>${copyable(view, caseCommand(view, suite, id, like))}`,
  }
}
