import { readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { compile, renderer } from './compile.ts'

/** Where the mock that stands for WeChat is, as the browser calls it, and the name of its world. */
export interface MockAddress {
  url: string
  world: string
}

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')

const TEXTS = {
  en: {
    lang: 'en',
    heading: 'A tea shop',
    intro:
      'On the left run the files of <code>examples/miniprogram/</code>, as they are. Login and cashier are the mock’s; the shop behind them is <code>examples/shop/shop.ts</code>.',
    steps: (pages: string) => [
      'Buy something, and pay or cancel in the cashier.',
      `Open <a href="${pages}orders" target="_blank">what the mock saw</a> beside it: every message, signed and explained.`,
      `Before you pay, let WeChat’s <a href="${pages}faults" target="_blank">notifications go wrong</a>: the order page waits, and turns when the next one comes.`,
      'Refund it. The money is back after five seconds.',
    ],
    broken: (origin: string, url: string) =>
      `The page could not load <code>wx.js</code> of ${url}. If that is a mock, start it with <code>--app-origin ${origin}</code>.`,
  },
  zh: {
    lang: 'zh-CN',
    heading: '茶铺示例',
    intro:
      '左侧原样运行 <code>examples/miniprogram/</code> 里的文件。登录与收银台由模拟微信提供，后端是 <code>examples/shop/shop.ts</code>。',
    steps: (pages: string) => [
      '下一单，在收银台支付或取消。',
      `同时打开<a href="${pages}orders" target="_blank">模拟微信的页面</a>：每条报文、每个签名都在那里。`,
      `支付前先<a href="${pages}faults" target="_blank">让支付通知出错</a>：订单页会一直等，下一次通知到达时自动更新。`,
      '申请退款，五秒后到账。',
    ],
    broken: (origin: string, url: string) =>
      `无法加载 ${url} 的 <code>wx.js</code>。如果那是模拟微信，请用 <code>--app-origin ${origin}</code> 启动它。`,
  },
}

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** The shop's page: a phone that runs the mini program. */
function page({ headers, host, protocol }: FastifyRequest, mock: MockAddress): string {
  const { lang, heading, intro, steps, broken } = TEXTS[/^zh/i.test(headers['accept-language'] ?? '') ? 'zh' : 'en']
  const url = escaped(mock.url)
  const world = encodeURIComponent(mock.world)
  return `<!doctype html>
<html lang="${lang}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${heading}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/phone/style.css"></head>
<body><main>
<div class="device"><header><button id="back" type="button" aria-label="‹" hidden>‹</button><span id="title"></span></header>
<div data-wx-phone><p class="broken" id="broken" hidden>${broken(escaped(`${protocol}://${host}`), url)}</p></div></div>
<aside><h1>${heading}</h1><p>${intro}</p><ol>${steps(`${url}/__mock/ui/${world}/`)
    .map((step) => `<li>${step}</li>`)
    .join('')}</ol></aside>
</main>
<script src="${url}/__mock/wx/${world}/wx.js" crossorigin></script>
<script src="/phone/renderer.js"></script><script src="/phone/runtime.js"></script><script src="/phone/program.js"></script>
</body></html>`
}

/** A browser instead of a phone: `GET /` runs the mini program over the mock's `wx`. Nothing of this belongs in a shop of your own. */
export function servePhone(app: FastifyInstance, mock: MockAddress): void {
  // Compiled once, when somebody opens the page.
  let files: Record<string, [type: string, body: string]> | undefined
  const filesOf = () => {
    const { script, style } = compile()
    return {
      'renderer.js': ['text/javascript', renderer()],
      'runtime.js': ['text/javascript', read('runtime.js')],
      'program.js': ['text/javascript', script],
      'style.css': ['text/css', `${read('page.css')}\n${style}`],
    } satisfies typeof files
  }
  const policy = `default-src 'none'; script-src 'self' ${mock.url}; style-src 'self'; style-src-attr 'unsafe-inline'; img-src data:; connect-src 'self' ${mock.url}; frame-src ${mock.url}; base-uri 'none'; form-action 'none'`
  app.get('/', (request, reply) =>
    reply
      .headers({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy })
      .send(page(request, mock)),
  )
  app.get<{ Params: { name: string } }>('/phone/:name', (request, reply) => {
    files ??= filesOf()
    const file = Object.hasOwn(files, request.params.name) ? files[request.params.name] : undefined
    if (file === undefined) return reply.callNotFound()
    const [type, body] = file
    return reply.headers({ 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache' }).send(body)
  })
}
