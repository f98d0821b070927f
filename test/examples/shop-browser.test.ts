import t from 'tap'
import { openBrowser, openWindow } from '../mock-server/pages/browser.ts'
import { buyTea, cashier, startShop } from './shop-page.ts'

// The files of examples/miniprogram/ in a browser, over the mock's `wx`: what a buyer does, and what the order's page then says.

t.setTimeout(180_000)

const { browser, test } = await openBrowser(t)

for (const version of ['v2', 'v3'] as const) {
  test(`from login to paid and refunded, ${version}`, async (t) => {
    const shop = await startShop(t, version)
    const { page, errors } = await buyTea(t, browser, shop)
    await cashier(page).getByRole('button', { name: 'Pay ¥12.50' }).click()
    await cashier(page).getByRole('button', { name: 'Done' }).click()
    await page.getByText('Paid, tea is on its way').waitFor()
    const [order] = shop.world.orders()
    t.match(
      await page.locator('wx-page').last().innerText(),
      new RegExp(`${order!.transactionId}[^]*WeChat’s notification`),
    )
    t.equal(shop.world.journal.count({ api: 'jscode2session' }), 1, 'one login, however many calls needed a token')
    await page.getByRole('button', { name: 'Refund ¥12.50' }).click()
    await page.getByText('Refund under way').waitFor()
    const [refund] = shop.world.refunds()
    await shop.world.settleRefund(refund!.outRefundNo, 'SUCCESS')
    await page.getByText('Refunded').waitFor()
    t.equal(await page.getByRole('button', { name: /Refund/ }).count(), 0)
    await page.getByRole('button', { name: 'Back to the shop' }).click()
    await page.getByText('Your orders').waitFor()
    await page.reload()
    await page.locator('.order').click()
    await page.getByText('Refunded').waitFor()
    t.equal(shop.world.journal.count({ api: 'jscode2session' }), 1, 'the token is kept')
    t.strictSame(errors, [])
  })
}

test('with the keyboard alone, from the first product to paid', async (t) => {
  const { url } = await startShop(t, 'v3')
  const { page, errors } = await openWindow(t, browser)
  await page.goto(url)
  await page.getByRole('button', { name: 'Buy' }).first().waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await cashier(page).getByRole('button', { name: 'Pay ¥12.50' }).waitFor()
  await page.keyboard.press('Tab') // past the cross that closes the cashier
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await cashier(page).getByRole('button', { name: 'Done' }).press('Enter')
  await page.getByText('Paid, tea is on its way').waitFor()
  t.strictSame(errors, [])
})

test('cancelling the cashier does not cancel the order: one is paid after all, another is cancelled', async (t) => {
  const shop = await startShop(t, 'v3')
  const { page, errors } = await buyTea(t, browser, shop)
  await cashier(page).getByRole('link', { name: 'Cancel' }).last().click()
  await page.getByText('To be paid').waitFor()
  await page.getByRole('button', { name: 'Pay ¥12.50' }).click()
  await cashier(page).getByRole('link', { name: 'Cancel' }).first().click()
  await page.getByText('Not paid. You can still pay.').waitFor()
  await page.getByRole('button', { name: 'Pay ¥12.50' }).click()
  await cashier(page).getByRole('button', { name: 'Pay ¥12.50' }).click()
  await cashier(page).getByRole('button', { name: 'Done' }).click()
  await page.getByText('Paid, tea is on its way').waitFor()
  t.equal(shop.world.orders().length, 1, 'one order, however often it was signed')
  await page.locator('#back').click()
  await page.getByRole('button', { name: 'Buy' }).nth(1).click()
  await cashier(page).getByRole('link', { name: 'Cancel' }).last().click()
  await page.getByRole('button', { name: 'Cancel the order' }).click()
  await page.getByText('Cancelled', { exact: true }).waitFor()
  t.strictSame(
    shop.world.orders().map(({ tradeState }) => tradeState),
    ['SUCCESS', 'CLOSED'],
  )
  t.strictSame(errors, [])
})

test('two notifications fail, and the order page updates when the third arrives', async (t) => {
  const shop = await startShop(t, 'v3')
  const { world } = shop
  const { page, errors } = await buyTea(t, browser, shop)
  await cashier(page).getByRole('link', { name: 'Cancel' }).last().click()
  await page.getByText('To be paid').waitFor()
  world.fault('notify', { kind: 'reset' }, { times: 2 })
  // On another phone; so the shop has no reason to ask WeChat.
  const { outTradeNo } = world.orders()[0]!
  await world.pay(outTradeNo)
  await world.advance('15s')
  t.equal(await page.getByText('To be paid').isVisible(), true)
  await world.advance('15s')
  await page.getByText('Paid, tea is on its way').waitFor()
  t.strictSame(
    world.notification(outTradeNo).attempts.map(({ verdict }) => verdict),
    ['reset', 'reset', 'acked'],
  )
  t.match(await page.locator('wx-page').last().innerText(), /WeChat’s notification/)
  t.strictSame(errors, [])
})

test('a token that the shop no longer knows is replaced; failures are shown', async (t) => {
  const shop = await startShop(t, 'v3')
  const { page } = await openWindow(t, browser, { locale: 'zh-CN' })
  await page.goto(shop.url)
  await page.getByText('龙井茶 50 克').waitFor()
  await page.evaluate("localStorage.setItem('wx:token', JSON.stringify('forgotten'))")
  shop.world.fault('unifiedorder', { kind: 'http', status: 500 }, { times: 1 })
  await page.getByRole('button', { name: '购买' }).first().click()
  await page.getByRole('status').waitFor()
  t.match(await page.getByRole('status').innerText(), /请稍后再试/)
  await page.getByRole('button', { name: '购买' }).first().click()
  await cashier(page).getByText('¥12.50').first().waitFor()
  t.equal(shop.world.orders().length, 1)
})

test('without the mock’s wx the page says how to start it', async (t) => {
  const shop = await startShop(t, 'v3')
  const { page } = await openWindow(t, browser)
  await page.goto(shop.url.replace('127.0.0.1', 'localhost'))
  await page.getByText('--app-origin http://localhost').waitFor()
  t.pass('another origin')
})
