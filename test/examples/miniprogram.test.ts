import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compile, cssOf, MINI_PROGRAM } from '../../examples/shop/phone/compile.ts'

// What WeChat's developer tools expect of the folder. What it does is tested in a browser.

const read = (path: string) => readFileSync(join(MINI_PROGRAM, path), 'utf8')
const json = (path: string) => JSON.parse(read(path)) as Record<string, any>

t.test('a project that the developer tools open', async (t) => {
  const { pages, sitemapLocation } = json('app.json')
  t.ok(pages.length > 0)
  for (const page of pages as string[]) {
    for (const kind of ['js', 'json', 'wxml']) {
      t.ok(existsSync(join(MINI_PROGRAM, `${page}.${kind}`)), `${page}.${kind}`)
    }
  }
  t.ok(json(sitemapLocation as string).rules)
  t.match(json('project.config.json'), {
    compileType: 'miniprogram',
    appid: 'touristappid',
    setting: { urlCheck: false },
  })
})

t.test('the browser runs all of its code unchanged', async (t) => {
  const { script, style } = compile()
  for (const file of ['app.js', 'utils/pay.js', 'utils/auth.js', 'pages/order/order.js']) {
    t.ok(script.includes(read(file)), file)
  }
  t.match(style, 'wx-page {')
  t.notMatch(style, /\drpx/)
})

t.test('rpx is 1/750 of the width of the screen', async (t) => {
  t.equal(cssOf('page { margin: 750rpx -37.5rpx 3px }'), 'wx-page { margin: 100cqw -5cqw 3px }')
  t.equal(cssOf('.homepage { top: 0 }'), '.homepage { top: 0 }')
})

t.test('no secret and no amount leaves the phone', async (t) => {
  const { script } = compile()
  for (const word of ['appSecret', 'session_key', 'apiKey', 'total_fee']) t.notOk(script.includes(word), word)
})
