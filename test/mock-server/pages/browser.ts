import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { testUnless } from '../../fixtures.ts'

/** An installed Chromium; playwright-core does not contain one. */
const PATHS = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

const executablePath = PATHS.find((path) => path !== undefined && existsSync(path))

/** What tap prints if there is none, or undefined. With REQUIRE_BROWSER set, tests fail instead of being skipped. */
const noBrowser =
  executablePath === undefined && process.env.REQUIRE_BROWSER === undefined
    ? "SKIPPED: the browser tests of the mock's pages, as there is no Chromium; install one, or set CHROMIUM to its path"
    : undefined

/** One browser for all tests of a file; it is closed with the file. */
export async function startBrowser(t: Test): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: executablePath!,
    args: ['--no-sandbox', '--force-color-profile=srgb'],
  })
  t.teardown(() => browser.close())
  return browser
}

/** The browser of a file, and the `test` for its tests, which skips them if there is no browser. */
export async function openBrowser(t: Test): Promise<{ browser: Browser; test: Test['test'] }> {
  const test = testUnless(noBrowser, t)
  return { test, browser: noBrowser === undefined ? await startBrowser(t) : (undefined as never) }
}

/** A separate window without cookies. It is closed with the test. */
export interface Window {
  readonly page: Page
  readonly context: BrowserContext
  /** What the browser complained about: console errors, failed scripts, refused loads. */
  readonly errors: string[]
}

export async function openWindow(
  t: Test,
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Window> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('dialog', async (dialog) => {
    errors.push(`dialog: ${dialog.message()}`)
    await dialog.dismiss()
  })
  t.teardown(() => context.close())
  return { page, context, errors }
}
