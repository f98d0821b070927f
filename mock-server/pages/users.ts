import { button, copyable, form } from './frame/layout.ts'
import { html } from './frame/markup.ts'
import type { Page, View } from './frame/view.ts'
import { empty } from './orders.ts'
import { commandOf } from './parts/commands.ts'
import { paged } from './parts/paging.ts'

/** The page of users and login codes. */
export function usersPage(view: View): Page {
  const { world, say } = view
  const users = world.users().reverse()
  const { rows, pages } = paged(view, users)
  const apps = world.apps()
  const app =
    apps.length > 1 &&
    html`<label>${say('appid')}<select name="appid">${apps.map(({ appid }) => html`<option>${appid}</option>`)}</select></label>`
  return {
    title: say('users'),
    tab: 'users',
    main: html`<h1>${say('users')}</h1><p>${say('codeHint')}</p>
<div class="acts">${form(view, 'login', {}, html`<label>${say('openid')}<input name="openid" maxlength="128" placeholder="${say('newUser')}"></label><label>${say('unionid')}<input name="unionid" maxlength="128"></label>${app}<button>${say('makeCode')}</button>`)}</div>
<div class="acts">${form(view, 'user', {}, html`<label>${say('openid')}<input name="openid" maxlength="128" required></label><label>${say('nickname')}<input name="nickName" maxlength="128"></label>${app}<button>${say('setUser')}</button>`)}</div>
${
  users.length === 0
    ? empty(say('emptyUsers'), say('emptyUsersHint'), copyable(view, commandOf(view, 'login-code')))
    : html`<div class="scroll"><table><thead><tr><th>${say('openid')}</th><th>${say('nickname')}</th><th>${say('unionid')}</th><th>${say('sessionKey')}</th>${apps.length > 1 && html`<th>${say('appid')}</th>`}<th></th></tr></thead><tbody>${rows.map(
        ({ openid, nickName, unionid, sessionKey, appid }) =>
          html`<tr><td class="mono">${openid}</td><td>${nickName}</td><td class="mono">${unionid}</td><td class="mono">${sessionKey}</td>${apps.length > 1 && html`<td class="mono">${appid}</td>`}<td>${button(view, 'login', { openid, appid }, say('loginCode'))} ${button(view, 'rotate', { openid, appid }, say('rotate'))}</td></tr>`,
      )}</tbody></table></div>${pages}`
}`,
  }
}
