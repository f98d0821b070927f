import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import { buyTea, cashier, startShop } from '../../examples/shop-page.ts'
import { startToy } from '../report/toy/server.ts'
import { openWindow, startBrowser } from './browser.ts'
import { attack, startScene, tellMorning, type Scene } from './scene.ts'
import { shrink } from './shrink.ts'

// npm run screenshots: docs/screenshots/, every page at desktop width, and five of them in every variant. Look at each one before it is committed.

const FOLDER = fileURLToPath(new URL('../../../docs/screenshots/', import.meta.url))
const DESK = { width: 1280, height: 800 }
const PHONE = { width: 390, height: 844 }

const save = async (page: Page, name: string) =>
  writeFileSync(join(FOLDER, `${name}.png`), shrink(await page.screenshot()))

type Pages = Readonly<Record<string, string>>

t.setTimeout(300_000)

t.test('screenshots', async (t) => {
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
    entry: 'journal/1',
    setup: 'setup',
  }
  const browser = await startBrowser(t)
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const shoot = async ({ at }: Scene, suffix: string, shown: Pages, options: BrowserContextOptions) => {
    const { page } = await openWindow(t, browser, options)
    for (const [name, path] of Object.entries(shown)) {
      await page.goto(at(path))
      await save(page, `${name}${suffix}`)
    }
  }
  const variants = async (scene: Scene, all: Pages, some: Pages) => {
    await shoot(scene, '', all, { viewport: DESK })
    await shoot(scene, '-dark', some, { viewport: DESK, colorScheme: 'dark' })
    await shoot(scene, '-zh', some, { viewport: DESK, locale: 'zh-CN' })
    await shoot(scene, '-mobile', some, { viewport: PHONE })
    await shoot(scene, '-mobile-dark-zh', some, { viewport: PHONE, colorScheme: 'dark', locale: 'zh-CN' })
  }
  const { orders, order, phone, faults } = pages
  await variants(scene, pages, { orders, order, phone, faults })

  // The report card of a shop with two bugs.
  const attacked = await startScene(t)
  const toy = await startToy(attacked.world, ['fee-unread', 'no-comment'])
  t.teardown(() => toy.close())
  await attack(attacked, { ...toy, only: ['N-1', 'N-2', 'N-30', 'N-7'] })
  const card = { card: 'card', case: 'card/N-307' }
  await variants(attacked, card, card)

  // The shop: what a buyer sees, and beside it the same in other variants.
  const shop = async (suffix: string, options: BrowserContextOptions, isWhole = false) => {
    const opened = await startShop(t, 'v3', 'pages')
    const { page } = await buyTea(t, browser, opened, options)
    await save(page, `shop-cashier${suffix}`)
    await cashier(page).getByRole('button', { name: '¥12.50' }).click()
    await cashier(page).getByRole('button').last().click()
    await page.locator('.state-good').waitFor()
    await save(page, `shop-order${suffix}`)
    if (isWhole) await otherEnds(page, opened)
    await page.locator('#back').click()
    await page.locator('.order').first().waitFor()
    await save(page, `shop${suffix}`)
  }
  const otherEnds = async (page: Page, { world }: Awaited<ReturnType<typeof startShop>>) => {
    await page.getByRole('button', { name: 'Refund ¥12.50' }).click()
    await page.getByText('Refund under way').waitFor()
    await world.settleRefund(world.refunds()[0]!.outRefundNo, 'SUCCESS')
    await page.getByText('Refunded').waitFor()
    await save(page, 'shop-order-refunded')
    await page.locator('#back').click()
    await page.getByRole('button', { name: 'Buy' }).nth(1).click()
    await cashier(page).getByRole('link', { name: 'Cancel' }).last().click()
    await page.getByText('To be paid').waitFor()
    await save(page, 'shop-order-unpaid')
    await page.getByRole('button', { name: 'Cancel the order' }).click()
    await page.getByText('Cancelled', { exact: true }).waitFor()
    await save(page, 'shop-order-cancelled')
  }
  await shop('', { viewport: DESK }, true)
  await shop('-mobile-dark-zh', { viewport: PHONE, colorScheme: 'dark', locale: 'zh-CN' })
})
