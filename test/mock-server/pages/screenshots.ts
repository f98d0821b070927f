import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions } from 'playwright-core'
import t from 'tap'
import { buyTea, cashier, startShop } from '../../examples/shop-page.ts'
import { openWindow, startBrowser } from './browser.ts'
import { startScene, tellMorning } from './scene.ts'

// npm run screenshots: docs/screenshots/, every page at desktop width, and four of them in every variant. Look at each one before it is committed.

const FOLDER = fileURLToPath(new URL('../../../docs/screenshots/', import.meta.url))
const DESK = { width: 1280, height: 800 }
const PHONE = { width: 390, height: 844 }

t.test('screenshots', { timeout: 300_000 }, async (t) => {
  const scene = await startScene(t)
  await tellMorning(scene)
  const pages = {
    orders: 'orders',
    order: 'orders/soup-0004',
    sign: 'orders/tea-0008?tab=sign',
    deliveries: 'deliveries',
    notification: 'notifications/cake-0003',
    delivery: 'deliveries/d5',
    phone: `phone/${scene.world.order('tea-0008').prepayId}`,
    users: 'users',
    faults: 'faults',
    clock: 'clock',
    journal: 'journal',
    setup: 'setup',
  }
  const browser = await startBrowser(t)
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const shoot = async (suffix: string, names: readonly (keyof typeof pages)[], options: object) => {
    const { page } = await openWindow(t, browser, options)
    for (const name of names) {
      await page.goto(scene.at(pages[name]))
      await page.screenshot({ path: join(FOLDER, `${name}${suffix}.png`) })
    }
  }
  const four = ['orders', 'order', 'phone', 'faults'] as const
  await shoot('', Object.keys(pages) as (keyof typeof pages)[], { viewport: DESK })
  await shoot('-dark', four, { viewport: DESK, colorScheme: 'dark' })
  await shoot('-zh', four, { viewport: DESK, locale: 'zh-CN' })
  await shoot('-mobile', four, { viewport: PHONE })
  await shoot('-mobile-dark-zh', four, { viewport: PHONE, colorScheme: 'dark', locale: 'zh-CN' })

  // The shop: what a buyer sees, and beside it the same in other variants.
  const shop = async (suffix: string, options: BrowserContextOptions) => {
    const opened = await startShop(t, 'v3', 'pages')
    const { page } = await buyTea(t, browser, opened, options)
    await page.screenshot({ path: join(FOLDER, `shop-cashier${suffix}.png`) })
    await cashier(page).getByRole('button', { name: '¥12.50' }).click()
    await cashier(page).getByRole('button').last().click()
    await page.locator('.state-good').waitFor()
    await page.screenshot({ path: join(FOLDER, `shop-order${suffix}.png`) })
    await page.locator('#back').click()
    await page.locator('.order').waitFor()
    await page.screenshot({ path: join(FOLDER, `shop${suffix}.png`) })
  }
  await shop('', { viewport: DESK })
  await shop('-mobile-dark-zh', { viewport: PHONE, colorScheme: 'dark', locale: 'zh-CN' })
})
