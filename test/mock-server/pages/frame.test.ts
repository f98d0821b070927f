import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SCRIPT } from '../../../mock-server/pages/assets/script.ts'
import { STYLE } from '../../../mock-server/pages/assets/style.ts'
import { html, type Markup } from '../../../mock-server/pages/frame/markup.ts'
import { relative, span } from '../../../mock-server/pages/frame/format.ts'
import { languageOf, sayIn } from '../../../mock-server/pages/frame/words.ts'
import { compared } from '../../../mock-server/pages/parts/bytes.ts'
import { createMockWechat } from '../../../mock-server/index.ts'
import { control, startMock } from '../helpers.ts'
import { post, visit } from './visit.ts'

t.test('a template escapes everything but templates', async (t) => {
  const text = `<b title="a" x='b'>&`
  t.equal(html`<p>${text}</p>`.text, '<p>&lt;b title=&#34;a&#34; x=&#39;b&#39;&gt;&amp;</p>')
  t.equal(html`<p>!${text}</p>`.text.includes('<b'), false, 'no character before a value changes that')
  t.equal(html`${html`<i></i>`}${[1, html`<b></b>`, undefined, false, ['<', 0]]}`.text, '<i></i>1<b></b>&lt;0')
  t.equal(html`${'a\0b\u202Ec\u2066\u0085'} ${'line\n\tend'}`.text, 'a\\u0000b\\u202ec\\u2066\\u0085 line\n\tend')
  t.equal(html`${{ text: '<b>' } as unknown as Markup}`.text.includes('<b>'), false, 'an object that looks like one')
})

t.test('spans and differences', async (t) => {
  const say = sayIn('en')
  const now = new Date(0)
  for (const [ms, told] of [
    [0, 'now'],
    [-999, 'now'],
    [1000, 'in 1 s'],
    [-61_000, '1 min ago'],
    [90 * 60_000, 'in 1 h'],
    [-49 * 3_600_000, '2 d ago'],
  ] as const) {
    t.equal(relative(new Date(ms), now, say), told)
  }
  t.equal(span(12, say), '0 s')
  const marked = (text: string, other: string) => /<mark>(.*)<\/mark>/.exec(compared(text, other).text)?.[1]
  t.equal(marked('a=1&b=2&c=3', 'a=1&b=22&c=3'), 'b=2')
  t.equal(marked('a=1&b=2', 'a=1&c=2'), 'b=2')
  t.equal(marked('a=1', 'a=1&b=2'), 'a=1')
  t.equal(marked('a=1&b=2', 'a=1'), 'a=1')
  t.equal(marked('a=1', 'a=1'), undefined)
})

t.test('the language is the one of the two that the browser prefers', async (t) => {
  const cases: [accepted: string | undefined, language: string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['fr', 'en'],
    ['zh', 'zh'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh'],
    ['en-GB,en;q=0.9,zh;q=0.8', 'en'],
    ['fr, zh;q=0.2, en;q=0.1', 'zh'],
    ['en;q=0.1, zh;q=0.5', 'zh'],
    ['zh;q=0, en', 'en'],
    ['zh;q=0', 'en'],
    ['en, zh', 'en'],
    ['zh, en', 'zh'],
  ]
  for (const [accepted, language] of cases) t.equal(languageOf(accepted), language, String(accepted))
})

t.test('every page is in Chinese for a Chinese browser, and a choice is kept', async (t) => {
  const mock = await startMock(t)
  const zh = { 'accept-language': 'zh-CN' }
  const words: [path: string, told: string][] = [
    ['orders', '还没有订单'],
    ['deliveries', '还没有通知'],
    ['phone', '没有待支付的订单'],
    ['users', '还没有用户'],
    ['faults', '让下一次通知出错'],
    ['clock', '时间静止'],
    ['journal', '还没有任何报文'],
    ['setup', '接口地址'],
  ]
  for (const [path, told] of words) {
    const { html, text } = await visit(mock, path, zh)
    t.match(text, told, path)
    t.match(html, '<html lang="zh-CN">')
  }
  const chosen = await visit(mock, 'orders?q=tea&lang=en', zh)
  t.match(chosen, { status: 303, location: '/__mock/ui/default/orders?q=tea' })
  const cookie = chosen.headers.get('set-cookie')!
  t.equal(cookie, 'mock-lang=en; Path=/__mock/ui; Max-Age=31536000; SameSite=Strict; HttpOnly')
  t.match((await visit(mock, 'orders', { ...zh, cookie: `a=b; ${cookie.split(';')[0]}` })).text, 'No order yet')
  const dark = await visit(mock, 'orders?theme=dark')
  t.match(dark.headers.get('set-cookie'), /^mock-theme=dark;/)
  const themes: [cookie: string, html: string, links: string[]][] = [
    ['mock-theme=dark', '<html lang="en" class="dark">', ['light']],
    ['mock-theme=light', '<html lang="en" class="light">', ['dark']],
    ['mock-theme=dark"', '<html lang="en">', ['dark', 'light']],
  ]
  for (const [cookie, html, links] of themes) {
    const page = await visit(mock, 'orders', { cookie })
    t.match(page.html, html)
    t.same(
      [...page.html.matchAll(/\?theme=(\w+)"/g)].map(([, theme]) => theme),
      links,
      cookie,
    )
  }
  const odd = await visit(mock, 'orders?lang=%0d%0aset-cookie:x')
  t.match(odd.headers.get('set-cookie'), /^mock-lang=;/, 'invalid values are not kept')
})

t.test('the files of the pages are small, and the pages load nothing else', async (t) => {
  t.ok(Buffer.byteLength(STYLE) < 15_000 && Buffer.byteLength(SCRIPT) < 15_000)
  const mock = await startMock(t)
  for (const [name, type] of [
    ['style.css', 'text/css; charset=utf-8'],
    ['script.js', 'text/javascript; charset=utf-8'],
    ['icon.svg', 'image/svg+xml; charset=utf-8'],
  ] as const) {
    const { status, headers } = await visit(mock, `/__mock/ui/${name}`)
    t.match({ status, type: headers.get('content-type') }, { status: 200, type })
  }
  const { headers, html } = await visit(mock, 'setup')
  t.equal(
    headers.get('content-security-policy'),
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  )
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  t.notMatch(html, /(?:src|href|action)="(?!\/__mock\/|#)/)
  t.notMatch(html, / style="| on\w+="/)
})

t.test('the screenshots have at most 3 MB', async (t) => {
  const folder = fileURLToPath(new URL('../../../docs/screenshots/', import.meta.url))
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size)
  t.ok(sizes.length >= 28 && sizes.reduce((sum, size) => sum + size) < 3_000_000)
})

t.test('another site can neither read nor control the pages', async (t) => {
  const mock = await startMock(t)
  const evil = 'https://evil.test'
  const readers: [headers: Record<string, string>, status: number][] = [
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }, 403],
    [{ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }, 403],
    [{ origin: evil }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, 200],
    [{ 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, 200],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{}, 200],
  ]
  for (const [headers, status] of readers) {
    t.equal((await visit(mock, 'orders', headers)).status, status, `read: ${JSON.stringify(headers)}`)
  }
  const writers: [headers: Record<string, string>, status: number][] = [
    [{ origin: evil, 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: evil }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'none' }, 403],
    [{}, 403],
    [{ origin: mock.url }, 303],
    [{ origin: mock.url, 'sec-fetch-site': 'same-origin' }, 303],
    [{ 'sec-fetch-site': 'same-origin' }, 303],
  ]
  for (const [headers, status] of writers) {
    t.equal((await post(mock, 'reset', {}, headers)).status, status, `steer: ${JSON.stringify(headers)}`)
  }
  const { request } = await import('undici')
  for (const host of ['evil.test', 'evil.test:8090', 'localhost.evil.test']) {
    const { statusCode, body } = await request(`${mock.url}/__mock/ui/default/setup`, { headers: { host } })
    t.equal(statusCode, 403, host)
    t.notMatch(await body.text(), mock.default.credentials.apiKey)
  }
  const steered = await fetch(`${mock.url}/__mock/ui/default/do/reset`, {
    method: 'POST',
    headers: { origin: mock.url, 'content-type': 'application/json' },
    body: '{}',
  })
  t.equal(steered.status, 415, 'only forms')
  t.equal(
    (await fetch(`${mock.url}/__mock/ui/default/orders`, { method: 'POST', headers: { origin: mock.url } })).status,
    405,
  )
})

t.test(
  "opening the mock's address in a browser leads to the pages, and does not count as an unexpected call",
  async (t) => {
    const mock = await startMock(t)
    const page = { accept: 'text/html,application/xhtml+xml' }
    t.match(await visit(mock, '/', page), { status: 302, location: `${mock.url}/__mock/ui/` })
    const link = { ...page, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    t.match(await visit(mock, '/', link), { status: 302 }, 'by a link from another site')
    t.equal(
      (await visit(mock, '/', { ...link, 'sec-fetch-dest': 'iframe' })).status,
      403,
      'not in a frame of another site',
    )
    t.match(await visit(mock, '/'), { status: 404, html: /UNKNOWN_PATH/ }, 'a program')
    const { request } = await import('undici')
    t.equal((await request(mock.url, { headers: { ...page, host: 'a b' } })).statusCode, 404, 'an invalid host')
    await visit(mock, '/favicon.ico')
    await visit(mock, 'orders')
    await visit(mock, '/__mock/ui/none/at/all')
    t.strictSame(mock.default.unexpected(), [])
    t.equal((await visit(mock, '/pay/unifiedorder', page)).status, 200, "WeChat's own paths are unchanged")
  },
)

t.test('with a separate control port the pages are on it, and the other port leads to them', async (t) => {
  const mock = await createMockWechat({ controlPort: 0 })
  t.teardown(() => mock.close())
  const control = new URL(mock.controlUrl)
  const { headers } = await fetch(mock.url, { redirect: 'manual', headers: { accept: 'text/html' } })
  t.equal(headers.get('location'), `${control.origin}/__mock/ui/`)
  t.equal((await fetch(`${control.origin}/__mock/ui/default/orders`)).status, 200)
  t.equal((await fetch(`${mock.url}/__mock/ui/default/orders`)).status, 404)
})

t.test('the control API does not describe the pages', async (t) => {
  const mock = await startMock(t)
  const { paths } = (await (await fetch(`${mock.url}/__mock/openapi.json`)).json()) as { paths: object }
  t.notMatch(Object.keys(paths).join(' '), 'ui')
  t.match(await control(mock, 'GET', '/worlds'), { status: 200 })
})
