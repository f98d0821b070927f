import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Browser, FrameLocator, Page } from 'playwright-core'
import type { Test } from 'tap'
import { openDatabase } from '../../examples/shop/database.ts'
import { buildShop } from '../../examples/shop/shop.ts'
import { createMockWechat } from '../../mock-server/index.ts'
import type { MockWechat, World } from '../../mock-server/index.ts'
import { openWindow } from '../mock-server/pages/browser.ts'
import type { Window } from '../mock-server/pages/browser.ts'

export interface OpenShop {
  url: string
  mock: MockWechat
  world: World
}

/** The shop, and a mock whose time a test moves. */
export async function startShop(t: Test, version: 'v2' | 'v3', seed?: string): Promise<OpenShop> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const mock = await createMockWechat({ appOrigins: [url], ...(seed !== undefined && { world: { seed } }) })
  const world = mock.default
  const { appid, appSecret } = world.credentials
  const shop = await buildShop({
    wechat: {
      appid,
      appSecret,
      merchant: world.merchantOptions(version),
      baseUrl: mock.url,
      now: () => world.clock.now(),
    },
    publicUrl: url,
    database: await openDatabase(':memory:'),
    server,
    phone: { url: mock.url, world: world.id },
  })
  t.teardown(async () => {
    await shop.close()
    await mock.close()
  })
  return { url, mock, world }
}

export const cashier = (page: Page): FrameLocator => page.frameLocator('iframe')

/** Opens the shop, and puts the tea into the cashier. */
export async function buyTea(
  t: Test,
  browser: Browser,
  { url }: OpenShop,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Window> {
  const window = await openWindow(t, browser, options)
  await window.page.goto(url)
  await window.page
    .getByRole('button', { name: /Buy|购买/ })
    .first()
    .click()
  await cashier(window.page).getByText('¥12.50').first().waitFor()
  return window
}
