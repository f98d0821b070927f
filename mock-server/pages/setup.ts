import { shellLines, wholeEnvironment } from '../ledger/environment.ts'
import { button, copyable, form } from './frame/layout.ts'
import { html } from './frame/markup.ts'
import { PAGES, type Page, type View } from './frame/view.ts'
import { commandOf, orderCommands } from './parts/commands.ts'
import { paged } from './parts/paging.ts'

/** The page with the settings for an app. */
export function setupPage(view: View): Page {
  const { world, worlds, say, origin } = view
  const { id, credentials, baseUrl } = world
  const { appid, appSecret, mchId, apiKey, v3 } = credentials
  const isVirtual = world.clock.mode === 'virtual'
  const commands = [commandOf(view, 'pay'), ...(isVirtual ? [commandOf(view, 'advance', ' 24h4m')] : [])].join('\n')
  const { rows, pages } = paged(view, worlds.list().reverse())
  const env = shellLines(wholeEnvironment(baseUrl, `${origin}/__mock/v1`, id, credentials))
  return {
    title: say('setup'),
    tab: 'setup',
    main: html`<h1>${say('setup')}</h1><h2>${say('baseUrl')}</h2><p>${say('baseUrlHint')}</p>${copyable(view, baseUrl)}
<h2 id="env">.env</h2><p>${say('envHint')}</p>${copyable(view, env)}
<h2>${say('credentials')}</h2><div class="scroll"><table><tbody>${Object.entries({
      appid,
      appSecret,
      mch_id: mchId,
      apiKey,
      apiV3Key: v3.apiV3Key,
      serialNo: v3.serialNo,
      publicKeyId: v3.publicKeyId,
      keyMode: v3.keyMode,
    }).map(([name, value]) => html`<tr><td>${name}</td><td class="mono">${value}</td></tr>`)}</tbody></table></div>
<h2>${say('commands')}</h2>${orderCommands(view)}<h3>${say(isVirtual ? 'payAndAdvance' : 'payOnly')}</h3>${copyable(view, commands)}
<p>${say('keysOfV2')}</p><p>${say(`keysOfV3.${v3.keyMode}`, { url: `${baseUrl}/v3/certificates` })}</p>
<h2>${say('worlds')}</h2><div class="scroll"><table><tbody>${rows.map(
      ({ id, clock, credentials: { mchId } }) =>
        html`<tr><td><a href="${PAGES}/${id}/setup">${id}</a></td><td class="mono">${mchId}</td><td>${say(`clock${clock.mode}`)}</td></tr>`,
    )}</tbody></table></div>${pages}<div class="acts">${form(
      view,
      'world',
      {},
      html`<label>${say('world')}<input name="id" pattern="[\w.\-]{1,64}" maxlength="64"></label><label>${say('clock')}<select name="clock"><option value="virtual">${say('virtual')}</option><option value="real">${say('real')}</option></select></label><button>${say('newWorld')}</button>`,
    )}${button(view, 'reset', {}, say('reset'))}</div><p class="dim">${say('forgets')}</p>`,
  }
}
