// node simulate.ts FOLDER: the order page of the mini program in WeChat's simulator for component tests, which is installed in FOLDER, in each state that stdin
// names. It needs a process of its own: the simulator works on globals.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { MINI_PROGRAM } from '../../examples/shop/phone/compile.ts'

/** What the page showed, and what it asked for when its buttons were tapped. */
export interface Shown {
  text: string
  tapped: string[]
}
export interface Wanted {
  /** `official` is the compiler of WeChat's developer tools, `simulate` one in JavaScript. */
  compiler: 'official' | 'simulate'
  language: string
  order: object
}

const require = createRequire(join(process.argv[2]!, 'package.json'))
const { JSDOM } = require('jsdom') as {
  JSDOM: new (html: string) => { window: { document: { body: unknown }; CustomEvent: unknown } }
}
const { window } = new JSDOM('<!doctype html><body></body>')

interface Component {
  dom: { innerHTML: string }
  instance: { no: string; setData: (data: object) => void; show: (order: object) => void }
  attach: (parent: unknown) => void
  querySelectorAll: (selector: string) => { dispatchEvent: (name: string) => void }[]
}
interface Simulate {
  load: (path: string, tag: string, options: object) => string
  render: (id: string) => Component
}

let language = ''
let tapped: string[] = []
const storage: Record<string, unknown> = { token: 'T', orders: [{ item: 'tea', cart: 'c', outTradeNo: 'n1' }] }
const components = global as unknown as { Component: (definition: object) => void }
Object.assign(global, {
  window,
  document: window.document,
  CustomEvent: window.CustomEvent,
  wx: {
    getAppBaseInfo: () => ({ language }),
    getStorageSync: (name: string) => storage[name],
    setStorageSync() {},
    showToast() {},
    navigateBack: () => tapped.push('back'),
    request: ({ method, url }: { method: string; url: string }) => tapped.push(`${method} ${new URL(url).pathname}`),
  },
  // The simulator knows components only.
  Page: ({ data, ...methods }: { data: object }) => {
    components.Component({ data, methods })
  },
})
const simulate = require('miniprogram-simulate') as Simulate
const words = createRequire(join(MINI_PROGRAM, 'package.json'))('./utils/words.js') as () => object

const pages: Record<string, string> = {}
const shown: Shown[] = []
for (const { compiler, order, ...wanted } of JSON.parse(await text(process.stdin)) as Wanted[]) {
  language = wanted.language
  const options = { rootPath: MINI_PROGRAM, compiler }
  pages[compiler] ??= simulate.load(join(MINI_PROGRAM, 'pages/order/order'), 'order', options)
  const buttons = () => page.querySelectorAll('.button')
  const page = simulate.render(pages[compiler])
  page.attach(window.document.body)
  page.instance.no = 'n1'
  page.instance.setData({ words: words() })
  page.instance.show(order)
  const text = page.dom.innerHTML
    .replaceAll(/<[^>]*>/g, '\n')
    .replaceAll(/\s*\n\s*/g, '\n')
    .trim()
  tapped = []
  for (let n = 0; n < buttons().length; n++) {
    page.instance.setData({ busy: false })
    buttons()[n]!.dispatchEvent('tap')
    while (tapped.length === n) await setTimeout(1)
  }
  shown.push({ text, tapped })
}
process.stdout.write(JSON.stringify(shown), () => process.exit())
