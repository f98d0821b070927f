import { MockError } from '../base/errors.ts'
import { levelOf } from '../report/case.ts'
import { curlOf, repeatOf, sourceOf } from '../report/output/text.ts'
import { runsOf, type Run } from '../report/runs.ts'
import { casesOf, SUITES } from '../report/suites.ts'
import type { CardVerdict } from '../report/verdicts.ts'
import { copyable, form } from './frame/layout.ts'
import { html, type Markup } from './frame/markup.ts'
import { segment, to, type Page, type View } from './frame/view.ts'
import { empty } from './orders.ts'
import { bytes } from './parts/bytes.ts'

/** Shape says it too, as elsewhere. */
const MARKS: Readonly<Record<CardVerdict, readonly [mark: string, look: string]>> = {
  PASS: ['●', 'did'],
  LAX: ['◐', ''],
  FAIL: ['✕', 'refused'],
  INFO: ['○', ''],
  SKIP: ['⊘', ''],
  ERROR: ['✕', 'refused'],
}

const verdictOf = (verdict: CardVerdict): Markup => {
  const [mark, look] = MARKS[verdict]
  return html`<span class="${look}">${mark} ${verdict}</span>`
}

const startForm = (view: View): Markup =>
  form(
    view,
    'run',
    {},
    html`<label>notify_url<input name="notifyUrl" size="40" maxlength="256" required placeholder="http://127.0.0.1:8080/wechat/notify"></label><label>API<select name="version"><option>v2</option><option>v3</option></select></label><label>${view.say('orderUrl')}<input name="orderUrl" maxlength="256"></label><label>${view.say('probeUrl')}<input name="probeUrl" maxlength="256"></label><button>${view.say('runCard')}</button>`,
  )

function runTable(view: View, { results }: Run): Markup {
  return html`<div class="scroll"><table><tbody>${results.map(
    ({ id, title, severity, verdict, said }) =>
      html`<tr><td><a href="${to(view, `card/${segment(id)}`)}">${id}</a></td><td>${verdictOf(verdict)}</td><td>${severity}</td><td>${title}</td><td>${verdict !== 'PASS' && said}</td></tr>`,
  )}</tbody></table></div>`
}

/** Is my app safe with money? */
export function cardPage(view: View): Page {
  const { world, say } = view
  const run = runsOf(world).at(-1)
  const command = 'npx -p fastify-wechat-pay wechat-mock card run --notify-url http://127.0.0.1:8080/wechat/notify'
  const sentence = run?.card?.sentence ?? (run && say('runProgress', { done: run.results.length, cases: run.cases }))
  return {
    title: say('card'),
    tab: 'card',
    main: html`<h1>${say('card')}</h1><div class="acts">${startForm(view)}</div>${
      run
        ? html`<h2>${sentence}</h2>${runTable(view, run)}`
        : empty(say('emptyCard'), say('emptyCardHint'), copyable(view, command))
    }`,
  }
}

/** What does a case ask for, and what came of it? */
export function casePage(view: View, id: string): Page {
  const { world } = view
  const suite = SUITES.find((suite) => casesOf(suite).some((one) => one.id === id))
  if (!suite) throw new MockError('BAD_INPUT', `there is no case ${id}`)
  const one = casesOf(suite).find((one) => one.id === id)!
  const run = runsOf(world).at(-1)
  const result = run?.results.find((result) => result.id === id)
  const target = {
    suite: suite.id,
    seed: run?.card?.seed ?? 'card',
    target: run?.card?.target ?? 'http://127.0.0.1:8080/wechat/notify',
  }
  return {
    title: `${id} ${one.title}`,
    tab: 'card',
    main: html`<h1>${id} ${one.title}</h1>${result && html`<p>${verdictOf(result.verdict)} ${result.said}</p>`}
<p>${one.must}</p><p><small>${sourceOf(one)} · ${one.severity} · ${levelOf(one)}</small></p>
<ul>${one.play.outcomes.map(([verdict, when]) => html`<li>${verdictOf(verdict)} ${when}</li>`)}</ul><p>${one.fix}</p>${copyable(view, repeatOf(target, id))}
<ol>${result?.events.map((event) => {
      const { atMs, text, request, response } = event
      return html`<li>+${atMs} ms ${text}${request && html`<details><summary>${request.method} ${request.url}</summary>${bytes(view, request.body.text)}${response && [html`<p>HTTP ${response.status}</p>`, bytes(view, response.body.text)]}${copyable(view, curlOf(event)!)}</details>`}</li>`
    })}</ol>`,
  }
}
