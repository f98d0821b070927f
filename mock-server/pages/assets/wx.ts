/**
 * A `wx` for web pages: the parts of WeChat's client API that a mini program with login and payment needs. A page loads it with
 * `<script src="…/__mock/wx/default/wx.js" crossorigin></script>`; navigation is the page's own business.
 */
export const WX_SCRIPT = `'use strict'
;(() => {
const HERE = new URL('.', document.currentScript.src)
const WORLD = HERE.pathname.split('/').at(-2)
const STORED = 'wx:'
// The payer of this browser, whom the page does not need to know.
const PAYER = 'wechat-mock:' + WORLD
const phone = () => document.querySelector('[data-wx-phone]') || document.body

async function ask(path, data) {
  const reply = await fetch(new URL(path, HERE), { method: 'POST', body: JSON.stringify(data), credentials: 'omit' })
  const answer = await reply.json()
  if (!reply.ok) throw new Error(answer.message)
  return answer
}

// As WeChat: callbacks where there are any, a promise otherwise; a failure is an object with errMsg.
const api = (name, work) => (options = {}) => {
  const { success, fail, complete, ...rest } = options
  const done = work(rest).then(
    (result) => ({ errMsg: name + ':ok', ...result }),
    (error) => Promise.reject(error.errMsg ? error : { errMsg: name + ':fail ' + error.message }),
  )
  if (!success && !fail && !complete) return done
  done.then(success, fail).then(complete)
}

function element(name, style, text = '') {
  const made = document.createElement(name)
  made.style.cssText = style
  made.textContent = text
  return made
}

// WeChat's cashier: a page of the mock, so only a click there pays.
function cashier(prepayId) {
  const sheet = element('div', 'position:absolute;inset:0;z-index:50;background:rgba(0,0,0,.45);display:flex;align-items:flex-end')
  const frame = element('iframe', 'width:100%;height:86%;border:0;border-radius:14px 14px 0 0;background:Canvas')
  frame.title = 'WeChat Pay'
  frame.src = new URL('/__mock/ui/' + WORLD + '/phone/' + prepayId + '?in=app', HERE)
  sheet.append(frame)
  phone().append(sheet)
  frame.focus()
  return new Promise((resolve, reject) => {
    addEventListener('message', function told({ origin, source, data }) {
      if (origin !== HERE.origin || source !== frame.contentWindow || !data.wechatMock) return
      removeEventListener('message', told)
      sheet.remove()
      const outcome = { errMsg: data.wechatMock }
      if (outcome.errMsg.endsWith(':ok')) resolve(outcome)
      else reject(outcome)
    })
  })
}

let toast
function hideToast() {
  if (toast) toast.remove()
}

globalThis.wx = {
  login: api('login', async () => {
    const { code, openid } = await ask('login', { openid: localStorage.getItem(PAYER) || undefined })
    localStorage.setItem(PAYER, openid)
    return { code }
  }),
  request: api('request', async ({ url, data, method = 'GET', header = {}, timeout = 60000 }) => {
    const target = new URL(url, location.href)
    const reads = method === 'GET'
    if (reads) for (const name of Object.keys(data || {})) target.searchParams.set(name, data[name])
    const reply = await fetch(target, {
      method,
      headers: { ...(!reads && data && { 'content-type': 'application/json' }), ...header },
      ...(!reads && data && { body: typeof data === 'string' ? data : JSON.stringify(data) }),
      signal: AbortSignal.timeout(timeout),
    })
    const text = await reply.text()
    let read = text
    try {
      read = JSON.parse(text)
    } catch {}
    return { statusCode: reply.status, data: read, header: Object.fromEntries(reply.headers) }
  }),
  requestPayment: api('requestPayment', async (params) => {
    const { prepayId, ...outcome } = await ask('request-payment', params)
    if (prepayId) return cashier(prepayId)
    console.info(outcome.reason)
    throw outcome
  }),
  getStorageSync(key) {
    const text = localStorage.getItem(STORED + key)
    return text === null ? '' : JSON.parse(text)
  },
  setStorageSync(key, value) {
    localStorage.setItem(STORED + key, JSON.stringify(value))
  },
  removeStorageSync(key) {
    localStorage.removeItem(STORED + key)
  },
  showToast: api('showToast', async ({ title, duration = 1500 }) => {
    hideToast()
    toast = element('div', 'position:absolute;left:50%;bottom:16%;transform:translateX(-50%);z-index:60;max-width:80%;padding:10px 16px;border-radius:8px;background:rgba(17,19,22,.86);color:#fff;font:15px/1.4 system-ui,sans-serif;text-align:center', title)
    toast.setAttribute('role', 'status')
    phone().append(toast)
    const shown = toast
    setTimeout(() => shown.remove(), duration)
  }),
  hideToast: api('hideToast', async () => hideToast()),
  getAppBaseInfo: () => ({ language: /^zh/i.test(navigator.language) ? 'zh_CN' : 'en', theme: matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light' }),
}
})()
`
