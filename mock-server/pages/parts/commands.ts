import { quoted } from '../../notify/replay.ts'
import type { Suite } from '../../report/case.ts'
import type { Run, RunRequest } from '../../report/runs.ts'
import { copyable } from '../frame/layout.ts'
import { html, type Markup } from '../frame/markup.ts'
import { to, type View } from '../frame/view.ts'

const HANDLER = 'http://127.0.0.1:8080/wechat/notify'
const LOGIN = 'http://127.0.0.1:8080/wechat/login'

/** A key may contain anything. Quotes, which Windows would not understand, only where they are needed. */
const word = (text: string) => (/^[\w-]+$/.test(text) ? text : quoted(text))

/** The report card from a shell: it brings a WeChat of its own, as the port of this one is taken. */
export function cardCommand({ world: { credentials } }: View): string {
  const { appid, mchId, apiKey } = credentials
  return `npx -p fastify-wechat-pay wechat-mock card run --port 0 --mch-id ${mchId} --appid ${appid} --api-key ${word(apiKey)} --notify-url ${HANDLER}`
}

/** One case of the report card again, by this mock, as its app has the keys of this world; `run`: of the same suite, if there was one. */
export const caseCommand = (
  { origin, world: { id } }: View,
  { version }: Pick<Suite, 'version'>,
  name: string,
  run: Run | undefined,
): string => {
  const first: RunRequest = version === 'login' ? { version, loginUrl: LOGIN } : { version, notifyUrl: HANDLER }
  const { exclude: _exclude, quick: _quick, ...request } = run?.request ?? first
  return `curl -X POST ${origin}/__mock/v1/worlds/${id}/runs -d ${quoted(JSON.stringify({ ...request, only: [name] }))}`
}

/** A command of `wechat-mock` for this mock and world, with the command's own arguments. */
export const commandOf = ({ origin, world: { id } }: View, name: string, args = ''): string =>
  `npx -p fastify-wechat-pay wechat-mock ${name} --url ${origin}${id === 'default' ? '' : ` --world ${id}`}${args}`

/** How to get an order without an app, in the version of the API whose notifications the handler takes. */
export function orderCommands(view: View): Markup {
  const { say } = view
  const order = (version: 'v2' | 'v3') =>
    copyable(view, commandOf(view, 'order', ` --version ${version} --notify-url ${HANDLER}`))
  return html`<p>${say('orderCommands')}</p><h3>${say('orderV2')}</h3>${order('v2')}<h3>${say('orderV3')}</h3>${order('v3')}`
}

/** Where the keys are that such a handler needs. */
export const keysLink = (view: View): Markup =>
  html`<p><a href="${to(view, 'setup')}#env">${view.say('keysLink')}</a></p>`
