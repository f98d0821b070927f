import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { World } from '../../../../mock-server/index.ts'

interface Session {
  readonly openid?: string
  readonly session_key?: string
  readonly unionid?: string
  readonly errcode?: number
}

/** A login route of a few lines. Each bug breaks it in one way. */
export async function startLogin(
  world: World,
  bugs: readonly string[] = [],
): Promise<{ url: string; close: () => Promise<void> }> {
  const has = (bug: string) => bugs.includes(bug)
  const { appid, appSecret } = world.credentials
  const users = new Set<string>()
  let under = 0
  let waiting: Promise<unknown> = Promise.resolve()

  async function ask(code: string): Promise<Session> {
    const js = has('code-pasted') ? code : encodeURIComponent(code)
    const query = has('code-pasted')
      ? `js_code=${js}&secret=${appSecret}&appid=${appid}`
      : `appid=${appid}&secret=${appSecret}&js_code=${js}`
    const signal = has('no-limit') ? null : AbortSignal.timeout(has('one-at-a-time') ? 3000 : 1000)
    const answer = await fetch(`${world.baseUrl}/sns/jscode2session?${query}&grant_type=authorization_code`, { signal })
    if (!answer.ok && !has('status-unread')) throw new Error('wechat')
    const text = await answer.text().catch((error: Error) => {
      if (has('half-read')) return ''
      throw error
    })
    if (has('half-read')) {
      return JSON.parse(text.startsWith('{') && text.endsWith('}') ? text : '{"openid":"x"}') as Session
    }
    return JSON.parse(text === '' ? '{"openid":"empty"}' : text) as Session
  }

  async function login(text: string): Promise<[number, object | string]> {
    let body: { code?: unknown; openid?: unknown }
    try {
      body = JSON.parse(text) as typeof body
    } catch {
      return has('broken-body-ok') ? [200, {}] : [400, {}]
    }
    if (body === null && has('null-crashes')) throw new Error('null')
    const { code, openid: claimed } = body ?? {}
    if (has('claim-believed') && typeof claimed === 'string') return [200, { token: claimed }]
    if (has('objects-ok') && typeof code === 'object' && code !== null) return [200, {}]
    if (has('empty-ok') && (code === '' || code === undefined || code === null)) return [200, {}]
    if (has('long-ok') && typeof code === 'string' && code.length > 1000) return [200, {}]
    if (has('odd-ok') && typeof code === 'string' && /\s/.test(code)) return [200, {}]
    if (typeof code !== 'string' || (!/^[\w-]{1,64}$/.test(code) && !has('code-pasted'))) {
      return [400, { error: 'code' }]
    }
    const session = has('one-at-a-time')
      ? await (waiting = waiting.catch(() => {}).then(() => ask(code))).then((told) => told as Session)
      : await ask(code)
    const { openid, errcode = 0, unionid } = session
    if (has('unionid-needed') && !unionid && !errcode) throw new Error('unionid')
    if (has('unionid-refused') && unionid) throw new Error('unionid')
    if (errcode !== 0 && !has('errcode-unread')) {
      if (has('error-told')) return [400, { error: `appid=${appid}&secret=${appSecret}` }]
      return [[-1, 40013, 40125].includes(errcode) ? 503 : 400, { error: errcode }]
    }
    if (!openid && !has('openid-unread') && !has('errcode-unread')) throw new Error('no openid')
    if (has('again-refused') && users.has(openid!)) throw new Error('duplicate key')
    users.add(openid!)
    return [200, has('key-told') ? session : { token: Buffer.from(String(openid)).toString('base64') }]
  }

  const server = createServer(async (request, response) => {
    under++
    try {
      if (has('few-at-once') && under > 2) throw new Error('busy')
      let text = ''
      for await (const chunk of request) {
        text += String(chunk)
        if (text.length > 100_000 && !has('long-ok')) {
          response.writeHead(413, { connection: 'close' }).end()
          return
        }
      }
      const [status, body] = await login(text)
      response.writeHead(status).end(JSON.stringify(body))
    } catch {
      if (has('errors-let-in')) response.end('{}')
      else response.writeHead(502).end('{}')
    } finally {
      // The bug: a slot becomes free only after a while.
      if (has('few-at-once')) setTimeout(() => under--, 500).unref()
      else under--
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/login`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
