import t from 'tap'
import { size } from '../../sizes.ts'
import { listen, placeOrder, placeRefund, port } from '../helpers.ts'
import { openBrowser, openWindow } from './browser.ts'
import { startToy } from '../report/toy/server.ts'
import { attack, startScene, tellMorning } from './scene.ts'

t.setTimeout(180_000)
const { browser, test } = await openBrowser(t)

test('two failing notifications are shown live, without reloading the page', async (t) => {
  const scene = await startScene(t)
  const { world, shop } = scene
  const window = await openWindow(t, browser)
  const { page } = window
  await page.goto(scene.at('orders'))
  await page.waitForSelector('html[data-stream=open]')
  await page.evaluate('window.same = true')
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'cake-0001', body: 'Sesame cake' })
  await page.waitForSelector('text=Waiting for payment')
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'soup-0002', body: 'Soup' })
  await Promise.all([world.pay('cake-0001'), world.pay('soup-0002')])
  await page.waitForSelector('#o-cake-0001 .marks .x')
  await page.waitForSelector('#o-soup-0002 .marks .x')
  await page.locator('#o-cake-0001 .row').focus()
  await world.advance('1m')
  await page.waitForSelector('#o-cake-0001 .marks .x:nth-child(4)')
  await page.waitForSelector('#o-soup-0002 .marks .x:nth-child(4)')
  t.match(await page.locator('#o-cake-0001').innerText(), /attempt 5 of 16/)
  t.equal(await page.evaluate('window.same'), true, 'not reloaded')
  t.equal(await page.evaluate("document.activeElement.closest('li').id"), 'o-cake-0001', 'the focus stays where it was')
  t.strictSame(window.errors, [])
})

test('many events do not freeze the page: it is fetched in batches', async (t) => {
  const scene = await startScene(t)
  const { world, shop } = scene
  const window = await openWindow(t, browser)
  const { page } = window
  let asked = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/orders')) asked++
  })
  await page.goto(scene.at('orders'))
  await page.waitForSelector('html[data-stream=open]')
  const begun = performance.now()
  for (let n = 0; n < 100; n++) {
    await placeOrder(world, shop.notifyUrl, { out_trade_no: `tea-${1000 + n}` })
    await world.pay(`tea-${1000 + n}`)
  }
  const batches = Math.ceil((performance.now() - begun) / 300)
  await page.waitForSelector('.rows li:nth-child(50) .marks .a')
  await page.waitForSelector('text=1–50 of 100')
  t.ok(asked <= batches + 6, `300 events, the page was fetched ${asked} times`)
  t.strictSame(window.errors, [])
})

test('an order is paid, refunded and delivered again with buttons and with the keyboard', async (t) => {
  const scene = await startScene(t)
  const { world, shop } = scene
  await placeOrder(world, shop.notifyUrl)
  const window = await openWindow(t, browser)
  const { page } = window
  await page.goto(scene.mock.url)
  t.equal(page.url(), scene.at('orders'), "the mock's address leads to the orders")
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/orders/tea-0001')
  await page.keyboard.press('p')
  await page.waitForSelector('text=Paid. First notification: Taken')
  t.equal(world.order('tea-0001').tradeState, 'SUCCESS')
  await page.click('text=Deliver ×20 at once')
  await page.waitForSelector('text=Delivered ×20: Taken ×20')
  t.equal(shop.received.length, 21)
  await page.getByRole('button', { name: 'Refund', exact: true }).click()
  await page.waitForSelector('text=is PROCESSING')
  await page.click('text=Refund succeeds')
  await page.waitForSelector('text=Refunded')
  await page.goBack()
  await page.keyboard.press('?')
  t.ok((await page.locator('#keys').getAttribute('open')) !== null)
  await page.keyboard.press('/')
  await page.keyboard.type('state:paid')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/orders?q=state%3Apaid')
  t.equal(await page.locator('.row').count(), 1)
  t.strictSame(window.errors, [])
})

test('the payer cancels, and then pays', async (t) => {
  const scene = await startScene(t)
  const { world, shop } = scene
  const prepayId = await placeOrder(world, shop.notifyUrl)
  const window = await openWindow(t, browser, { viewport: { width: 390, height: 844 } })
  const { page } = window
  await page.goto(scene.at(`phone/${prepayId}`))
  await page.getByRole('link', { name: 'Cancel' }).last().click()
  await page.waitForSelector('text=requestPayment:fail cancel')
  t.equal(world.order('tea-0001').tradeState, 'NOTPAY')
  await page.click('text=Pay ¥12.50')
  await page.getByRole('button', { name: 'Pay ¥12.50' }).click()
  await page.waitForSelector('text=requestPayment:ok')
  t.equal(world.order('tea-0001').tradeState, 'SUCCESS')
  t.strictSame(window.errors, [])
})

test('faults set in a form are applied, and the page counts them live', async (t) => {
  const scene = await startScene(t)
  const { world, shop } = scene
  await placeOrder(world, shop.notifyUrl)
  const window = await openWindow(t, browser)
  const { page } = window
  await page.goto(scene.at('faults'))
  await page.click('text=Your answer is lost')
  await page.selectOption('select[name=api]', 'orderquery')
  await page.selectOption('select[name=kind]', 'http')
  await page.fill('input[name=value]', '502')
  await page.click('text=Set the fault')
  await page.waitForSelector('text=http status=502')
  await page.waitForSelector('html[data-stream=open]')
  await world.pay('tea-0001')
  await page.waitForSelector('td.num b.bad')
  t.equal(world.notification('tea-0001').attempts[0]!.verdict, 'reset')
  t.strictSame(window.errors, [])
})

test('without JavaScript everything works except live updates', async (t) => {
  const scene = await startScene(t)
  await placeOrder(scene.world, scene.shop.notifyUrl)
  const window = await openWindow(t, browser, { javaScriptEnabled: false })
  const { page } = window
  await page.goto(scene.at('orders/tea-0001'))
  await page.click('text=Pay with coupon')
  await page.getByText('Paid. First notification: Taken').waitFor()
  t.equal(scene.world.order('tea-0001').cashFee, 1125)
  t.equal(await page.getByText('Copy', { exact: true }).isVisible(), false)
})

/** Each would run if it were inserted as markup. */
const ATTACKS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(2)>',
  "'><svg onload=alert(3)>",
  '</pre></textarea></title><script>alert(4)</script>',
  'javascript:alert(5)',
  '&lt;script&gt;alert(6)&lt;/script&gt;',
  '\u202E<b>turned</b>',
]

test('no value of an order, a user, a notification or a fault becomes markup', async (t) => {
  const scene = await startScene(t)
  const { world, mock } = scene
  const window = await openWindow(t, browser)
  const { page } = window
  const evil = await listen(t, (_request, response) => {
    response.writeHead(200, { 'x-evil': ATTACKS[1]! }).end(ATTACKS.join('\n'))
  })
  const notifyUrl = `http://127.0.0.1:${port(evil)}/notify"><script>alert(7)</script>`.replaceAll(' ', '')
  for (const [n, attack] of ATTACKS.entries()) {
    const no = `evil-${1000 + n}`
    const openid = `o${attack}`.slice(0, 128)
    world.setUser(openid, { nickName: attack, unionid: attack })
    const prepayId = await placeOrder(world, notifyUrl, {
      out_trade_no: no,
      body: attack,
      attach: attack,
      openid,
    }).catch(() =>
      placeOrder(world, `http://127.0.0.1:${port(evil)}/notify`, { out_trade_no: no, body: attack, attach: attack }),
    )
    await page.goto(scene.at(`phone/${prepayId}`))
    await world.pay(no, { bankType: attack.slice(0, 32) })
    await placeRefund(world, {
      out_trade_no: no,
      out_refund_no: `r-${no}`,
      refund_desc: attack,
      notify_url: `http://127.0.0.1:${port(evil)}/notify`,
    }).catch(() => undefined)
    world.fault('notify', { kind: 'reset' }, { name: attack, outTradeNo: 'evil-0000' })
    world.fault('unifiedorder', { kind: 'return_code_fail', return_msg: attack })
    await placeOrder(world, notifyUrl).catch(() => undefined)
    world.gate('notify.request', { name: attack, outTradeNo: 'evil-0000' })
    await fetch(`${mock.url}/pay/${encodeURIComponent(attack)}?x=${encodeURIComponent(attack)}`, {
      method: 'POST',
      headers: { 'user-agent': `x${attack}`.replace(/[^\x20-\x7e]/g, '') },
      body: attack,
    })
  }
  const last = world.journal.cursor()
  const paths = [
    'orders',
    'deliveries',
    'phone',
    'users',
    'faults',
    'clock',
    'journal',
    'setup',
    ...ATTACKS.map((attack) => `orders?q=${encodeURIComponent(attack)}`),
    ...ATTACKS.map((attack) => `phone/${encodeURIComponent(attack)}`),
    ...ATTACKS.map((attack) => `orders/${encodeURIComponent(attack)}?tab=${encodeURIComponent(attack)}`),
    ...['wire', 'fields', 'sign', 'lint', 'curl'].flatMap((tab) => [
      `orders/evil-1000?tab=${tab}`,
      `orders/evil-1001?tab=${tab}`,
      `deliveries/d1?tab=${tab}`,
      `journal/${last}?tab=${tab}`,
      `journal/${last - 1}?tab=${tab}`,
    ]),
    'notifications/evil-1000',
  ]
  for (const path of paths) {
    await page.goto(scene.at(path))
    const found = await page.evaluate(
      "[...document.querySelectorAll('script,img,svg:not(.qr),b,iframe')].filter((e) => e.closest('main') && !(e.tagName === 'B' && !/turned/.test(e.textContent))).map((e) => e.outerHTML)",
    )
    t.strictSame(found, [], path)
  }
  // 404 pages are errors to the console, and expected here.
  t.strictSame(
    window.errors.filter((error) => !/status of 404/.test(error)),
    [],
  )
})

test('a page of another site can neither read nor control the mock', async (t) => {
  const scene = await startScene(t)
  const { mock, world } = scene
  world.loginCode({ openid: 'o-lee' })
  const page = scene.at('setup')
  const steer = `${mock.url}/__mock/ui/default/do/reset`
  const evil = await listen(t, (_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(`<!doctype html><iframe id="frame" src="${page}"></iframe>
<form id="form" method="post" action="${steer}" target="hidden"><input name="back" value="/"></form><iframe name="hidden"></iframe>`)
  })
  const window = await openWindow(t, browser)
  // Another port of the same machine is another origin but the same site; another name is another site.
  for (const origin of [`http://127.0.0.1:${port(evil)}`, `http://localhost:${port(evil)}`]) {
    await window.page.goto(origin)
    const outcome = (await window.page.evaluate(`(async () => {
      const told = {}
      const tries = {
        read: () => fetch(${JSON.stringify(page)}).then((reply) => reply.text()),
        blind: () => fetch(${JSON.stringify(page)}, { mode: 'no-cors' }).then((reply) => reply.text()),
        api: () => fetch(${JSON.stringify(`${mock.controlUrl}/worlds`)}).then((reply) => reply.text()),
        write: () => fetch(${JSON.stringify(steer)}, { method: 'POST', mode: 'no-cors', body: new URLSearchParams() }).then((reply) => reply.text()),
        control: () => fetch(${JSON.stringify(`${mock.controlUrl}/worlds/default/reset`)}, { method: 'POST', mode: 'no-cors' }).then((reply) => reply.text()),
        events: () => new Promise((resolve) => {
          const stream = new EventSource(${JSON.stringify(`${mock.controlUrl}/worlds/default/events?since=0`)})
          stream.onopen = () => resolve('open')
          stream.onerror = () => resolve('')
        }),
      }
      for (const [name, attempt] of Object.entries(tries)) told[name] = await attempt().catch(() => '')
      const answered = new Promise((resolve) => document.querySelector('iframe[name=hidden]').addEventListener('load', resolve))
      document.getElementById('form').submit()
      await answered
      return told
    })()`)) as Record<string, string>
    t.strictSame(outcome, { read: '', blind: '', api: '', write: '', control: '', events: '' }, origin)
    for (const frame of window.page.frames().slice(1)) {
      t.notMatch(await frame.content().catch(() => ''), world.credentials.apiKey, 'a frame shows nothing')
    }
    t.equal(world.users().length, 1, 'nothing was reset')
  }
})

test('the link to another theme names the one that is not shown, without JavaScript too', async (t) => {
  const scene = await startScene(t)
  const BACKGROUND = 'getComputedStyle(document.body).backgroundColor'
  const words = { 'en-GB': { dark: 'Dark', light: 'Light' }, 'zh-CN': { dark: '深色', light: '浅色' } } as const
  for (const locale of ['en-GB', 'zh-CN'] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const other = colorScheme === 'dark' ? 'light' : 'dark'
      const window = await openWindow(t, browser, { locale, colorScheme, javaScriptEnabled: locale === 'en-GB' })
      const { page } = window
      await page.goto(scene.at('orders'))
      const link = page.locator('.prefs a[href*=theme]:visible')
      const before = await page.evaluate(BACKGROUND)
      t.same(await link.allInnerTexts(), [words[locale][other]], `${locale}, ${colorScheme}`)
      await link.click()
      await page.waitForSelector(`html.${other}`)
      t.not(await page.evaluate(BACKGROUND), before)
      t.same(await link.allInnerTexts(), [words[locale][colorScheme]], `${locale}, ${other} was chosen`)
      await link.click()
      await page.waitForSelector(`html.${colorScheme}`)
      t.equal(await page.evaluate(BACKGROUND), before)
      t.same(await link.allInnerTexts(), [words[locale][other]], `${locale}, ${colorScheme} was chosen`)
      t.strictSame(window.errors, [])
    }
  }
})

test('the first commands are complete at the width of a phone, and each is copied with one click', async (t) => {
  const scene = await startScene(t, { keyMode: 'changing' })
  for (const locale of ['en-GB', 'zh-CN']) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const window = await openWindow(t, browser, { locale, colorScheme, viewport: { width: 360, height: 740 } })
      const { page, context } = window
      await context.grantPermissions(['clipboard-read', 'clipboard-write'])
      await page.goto(scene.at('card'))
      t.equal(await page.evaluate(NAVIGATION_FITS), true, `the navigation, ${locale}, ${colorScheme}`)
      for (const path of ['orders', 'phone', 'setup']) {
        await page.goto(scene.at(path))
        const told = `${path}, ${locale}, ${colorScheme}`
        t.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, told)
        for (const version of ['v2', 'v3']) {
          const command = page.locator('.copy', { hasText: `--version ${version}` })
          await command.getByRole('button').click()
          await command.locator('button.good').waitFor()
          const copied = await page.evaluate('navigator.clipboard.readText()')
          t.equal(copied, await command.locator('pre').innerText(), `${told}, ${version}`)
          const { scrollHeight, clientHeight } = (await command
            .locator('pre')
            .evaluate(({ scrollHeight, clientHeight }) => ({ scrollHeight, clientHeight }))) as Record<string, number>
          t.equal(scrollHeight, clientHeight, `${told}, ${version}: nothing is cut off`)
        }
      }
      t.strictSame(window.errors, [])
    }
  }
})

/** It, and each of its entries. */
const NAVIGATION_FITS =
  "[document.body, ...document.querySelectorAll('#nav, #nav a')].every(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)"

test('every page in each language, light and dark, on desktop and phone, without errors or horizontal scrolling', async (t) => {
  const scene = await startScene(t)
  await tellMorning(scene)
  const prepayId = scene.world.order('tea-0008').prepayId
  const toy = await startToy(scene.world, ['no-verify'])
  t.teardown(() => toy.close())
  await attack(scene, { ...toy, only: ['N-101', 'N-102', 'N-301', 'N-347', 'N-511'] })
  const paths = [
    'orders',
    'orders/soup-0004',
    'orders/tea-0008?tab=sign',
    'deliveries',
    'deliveries/d5',
    'notifications/cake-0003',
    'phone',
    `phone/${prepayId}`,
    'users',
    'faults',
    'clock',
    'journal',
    'setup',
    'card',
    'card?verdict=SKIP',
    'card/N-301',
    'card/N-511',
  ]
  const desktop = { colorScheme: 'light', width: 1280 } as const
  const phone = { colorScheme: 'dark', width: 390 } as const
  const windows = [
    { locale: 'en-GB', ...desktop },
    { locale: 'zh-CN', ...phone },
    { locale: 'zh-CN', ...desktop },
    { locale: 'en-GB', ...phone },
  ]
  for (const { locale, colorScheme, width } of windows.slice(0, size(2, 4))) {
    const window = await openWindow(t, browser, { locale, colorScheme, viewport: { width, height: 800 } })
    for (const path of paths) {
      await window.page.goto(scene.at(path))
      const told = `${path}, ${locale}, ${colorScheme}, ${width} px`
      t.equal(await window.page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, told)
      t.equal(await window.page.evaluate(NAVIGATION_FITS), true, `${told}: the navigation`)
      t.equal(await window.page.getAttribute('html', 'lang'), locale === 'zh-CN' ? 'zh-CN' : 'en')
    }
    t.strictSame(window.errors, [])
  }
})
