import type { GateView } from '../faults/gates.ts'
import { EFFECT_NAMES } from '../faults/effects.ts'
import { APIS } from '../wire/names.ts'
import { button, form } from './frame/layout.ts'
import { html, type Markup } from './frame/markup.ts'
import type { Page, View } from './frame/view.ts'
import { twiceOf } from './parts/twice.ts'

const options = (names: readonly string[], chosen?: string) =>
  names.map((name) => html`<option${name === chosen && html` selected`}>${name}</option>`)

function presets(view: View): Markup {
  const { say } = view
  const card = (name: 'lost' | 'late' | 'twice', title: string, hint: string) =>
    form(view, 'preset', { name }, html`<button><b>${title}</b><small>${hint}</small></button>`)
  return html`<h2>${say('presets')}</h2><div class="cards">${card('lost', say('presetLost'), say('presetLostHint'))}${card('late', say('presetLate'), say('presetLateHint'))}${card('twice', say('presetTwice'), say('presetTwiceHint'))}</div>`
}

function faultTable(view: View): Markup {
  const { world, say } = view
  const faults = world.faults()
  const twice = twiceOf(world)
  if (faults.length === 0 && twice.length === 0) return html`<p class="dim">${say('noFaults')}</p>`
  return html`<div class="scroll"><table><thead><tr><th></th><th>${say('api')}</th><th>${say('effect')}</th><th>${say('orderNo')}</th><th class="num">${say('seen')}</th><th class="num">${say('hits')}</th><th></th></tr></thead><tbody>${faults.map(
    ({ name, api, effect: { kind, ...rest }, outTradeNo, seen, hits, times }) =>
      html`<tr id="f-${name}"><td>${name}</td><td class="mono">${api}</td><td class="mono">${kind} ${Object.entries(rest).map(([name, value]) => `${name}=${String(value)} `)}</td><td class="mono">${outTradeNo}</td><td class="num">${seen}</td><td class="num"><b class="${hits > 0 && 'bad'}">${hits}</b> / ${times === 'always' ? '∞' : times}</td><td>${button(view, 'unfault', { name }, say('remove'))}</td></tr>`,
  )}${twice.map(
    ({ hits }, n) =>
      html`<tr><td>${say('presetTwice')}</td><td class="mono">notify</td><td></td><td></td><td class="num">${hits}</td><td class="num"><b class="${hits > 0 && 'bad'}">${hits}</b> / 1</td><td>${button(view, 'untwice', { n: String(n) }, say('remove'))}</td></tr>`,
  )}</tbody></table></div>`
}

const faultForm = (view: View) => {
  const { say } = view
  return html`<div class="acts">${form(
    view,
    'fault',
    {},
    html`<label>${say('api')}<select name="api">${options(APIS, 'notify')}</select></label><label>${say('effect')}<select name="kind">${options(EFFECT_NAMES, 'reset')}</select></label><label>${say('value')}<input name="value" maxlength="64" placeholder="${say('valueHint')}"></label><label>${say('when')}<select name="when"><option value="">${say('before')}</option><option value="after">${say('after')}</option></select></label><label>${say('times')}<input type="number" name="times" min="1" value="1"></label><label>${say('orderNo')}<input name="no" maxlength="32" placeholder="${say('all')}"></label><button>${say('setFault')}</button>`,
  )}</div>`
}

const gateState = ({ say }: View, { state, holding }: GateView) => say(`gate.${state}`, { n: holding.length })

function gates(view: View): Markup {
  const { world, say } = view
  const all = world.gates()
  const points = APIS.flatMap((api) => [`${api}.request`, `${api}.response`])
  return html`<h2>${say('gates')}</h2>${
    all.length === 0
      ? html`<p class="dim">${say('noGates')}</p>`
      : html`<div class="scroll"><table><thead><tr><th></th><th>${say('point')}</th><th>${say('until')}</th><th>${say('state')}</th><th></th></tr></thead><tbody>${all.map(
          (gate) =>
            html`<tr id="g-${gate.name}"><td>${gate.name}</td><td class="mono">${gate.hold}</td><td class="mono">${gate.until ?? say('released')}</td><td>${gateState(view, gate)} ${gate.holding.map((no) => html`<span class="mono">${no ?? ''}</span> `)}</td><td>${button(view, 'opengate', { name: gate.name }, say('openGate'))} ${button(view, 'ungate', { name: gate.name }, say('remove'))}</td></tr>`,
        )}</tbody></table></div>`
  }<div class="acts">${form(
    view,
    'gate',
    {},
    html`<label>${say('point')}<select name="hold">${options(points, 'unifiedorder.response')}</select></label><label>${say('until')}<select name="until"><option value="">${say('released')}</option>${options(['delivery.completed', 'order.paid', ...points])}</select></label><button>${say('setGate')}</button>`,
  )}</div>`
}

/** The page of faults and gates. */
export function faultsPage(view: View): Page {
  return {
    title: view.say('faults'),
    tab: 'faults',
    main: html`<h1>${view.say('faults')}</h1>${presets(view)}${faultTable(view)}${faultForm(view)}${gates(view)}`,
  }
}
