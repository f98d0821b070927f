import { relative, time } from './frame/format.ts'
import { button, form } from './frame/layout.ts'
import { html } from './frame/markup.ts'
import { told } from './frame/told.ts'
import type { Page, View } from './frame/view.ts'

/** On the pages, the first send is attempt 1. */
const fromOne = (what: string) => what.replace(/(?<= attempt )\d+$/, (n) => String(Number(n) + 1))

/** The page of the world's time and of what is due. */
export function clockPage(view: View): Page {
  const { world, say } = view
  const { mode } = world.clock
  const now = world.clock.now()
  const timers = world.clock.timers()
  const busy = world.inFlight()
  const isVirtual = mode === 'virtual'
  return {
    title: say('clock'),
    tab: 'clock',
    main: html`<h1>${say('clock')}</h1><p>${time(now)} <small>GMT+8</small></p><p>${say(`clock${mode}`)}</p>
<div class="acts">${
      isVirtual &&
      html`${button(view, 'advance', { by: '15s' }, say('plus15s'))}${button(view, 'advance', { next: '1' }, say('next'), { off: timers.length > 0 ? undefined : say('nothingDue') })}${button(view, 'advance', { by: '24h4m' }, say('plus24h4m'))}${form(view, 'advance', {}, html`<label>${say('advanceHint')}<input name="by" pattern="(\d+(ms|s|m|h|d))+" required></label><button>${say('advance')}</button>`)}`
    }${button(view, 'clock', { mode: isVirtual ? 'real' : 'virtual' }, say(isVirtual ? 'toReal' : 'toVirtual'))}</div>
${busy.length > 0 && html`<h2>${say('inFlight')}</h2><ul>${busy.slice(0, 50).map((what) => html`<li>${told(view, fromOne(what))}</li>`)}</ul>`}
<h2>${say('timers')} <small>${timers.length}</small></h2>${
      timers.length === 0
        ? html`<p class="dim">${say('nothingDue')}</p>`
        : html`<table><tbody>${timers.slice(0, 50).map(({ due, what }) => html`<tr><td>${time(due)}</td><td class="when">${relative(due, now, say)}</td><td>${told(view, fromOne(what))}</td></tr>`)}</tbody></table>`
    }`,
  }
}
