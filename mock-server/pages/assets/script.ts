/**
 * The script of the pages: it fetches the page again when something happens in the world, at most every 300 ms, and replaces only what differs; it
 * copies text, and handles a few keys. Everything else works without it.
 */
export const SCRIPT = `'use strict'
const root = document.documentElement
root.classList.add('js')
const EVENTS = ['delivery', 'journal', 'fault', 'gate', 'paid', 'clock', 'reset', 'gap']

// Makes one element like another and keeps what is equal, so that focus, open details and typed text survive.
function become(old, now) {
  if (old.nodeType !== now.nodeType || old.nodeName !== now.nodeName || old.id !== now.id) {
    old.replaceWith(now)
    return
  }
  if (old.nodeType === 3) {
    if (old.data !== now.data) old.data = now.data
    return
  }
  if (old.nodeType !== 1 || old.isEqualNode(now)) return
  for (const { name } of [...old.attributes]) {
    if (!now.hasAttribute(name) && name !== 'open') old.removeAttribute(name)
  }
  for (const { name, value } of [...now.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value)
  }
  const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]))
  let at = old.firstChild
  for (const child of [...now.childNodes]) {
    const same = child.id && known.get(child.id)
    if (same) {
      if (same !== at) old.insertBefore(same, at)
      else at = at.nextSibling
      become(same, child)
    } else if (at && !at.id && !child.id) {
      const next = at.nextSibling
      become(at, child)
      at = next
    } else {
      if (child.nodeType === 1 && child.tagName === 'LI') child.classList.add('new')
      old.insertBefore(child, at)
    }
  }
  while (at) {
    const next = at.nextSibling
    at.remove()
    at = next
  }
}

let asking = false
let again = false
async function refresh() {
  again = asking
  if (asking || document.hidden) {
    again = true
    return
  }
  asking = true
  try {
    const reply = await fetch(location.href, { headers: { accept: 'text/html' } })
    const page = new DOMParser().parseFromString(await reply.text(), 'text/html')
    for (const id of ['nav', 'time', 'main']) {
      const old = document.getElementById(id)
      const now = page.getElementById(id)
      const typing = old && old.contains(document.activeElement) && document.activeElement.matches('input,select')
      if (old && now && !typing) become(old, now)
    }
    root.dataset.live = String(Number(root.dataset.live || 0) + 1)
  } catch {
    // The mock has stopped or is restarting: the next event tries again.
  }
  setTimeout(() => {
    asking = false
    if (again) refresh()
  }, 300)
}

let stream
function listen() {
  stream = new EventSource(document.body.dataset.events)
  for (const name of EVENTS) stream.addEventListener(name, refresh)
  stream.onopen = () => {
    root.dataset.stream = 'open'
  }
}
listen()
// A browser allows few connections to one host, so a page in the background closes its own.
addEventListener('pagehide', () => stream.close())
addEventListener('pageshow', (event) => event.persisted && listen())
document.addEventListener('visibilitychange', () => !document.hidden && again && refresh())
// Relative times such as "in 3 min" have to be updated.
if (document.body.dataset.clock === 'real') setInterval(refresh, 5000)

// If a page of an app shows this one as its cashier: report what the payer did.
document.addEventListener('click', (event) => {
  const told = event.target.closest('[data-result]')
  if (!told || parent === window) return
  event.preventDefault()
  parent.postMessage({ wechatMock: told.dataset.result }, '*')
})

document.addEventListener('click', async (event) => {
  const copy = event.target.closest('[data-copy]')
  if (!copy) return
  const pre = copy.parentElement.querySelector('pre')
  try {
    await navigator.clipboard.writeText(pre.textContent)
    copy.classList.add('good')
  } catch {
    // Without the clipboard, select the text so that the user can copy it.
    getSelection().selectAllChildren(pre)
  }
})

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input,select,textarea')) return
  if (event.key === 'j' || event.key === 'k') {
    const rows = [...document.querySelectorAll('.row,.line a')]
    const at = rows.indexOf(document.activeElement)
    const next = rows[event.key === 'j' ? at + 1 : Math.max(0, at - 1)]
    if (next) next.focus()
  } else if (event.key === '?') {
    const keys = document.getElementById('keys')
    if (keys) keys.open = !keys.open
  } else if (['/', 'p', 'n'].includes(event.key)) {
    const target = document.querySelector('[data-key="' + event.key + '"]:not(:disabled)')
    if (!target) return
    event.preventDefault()
    if (event.key === '/') target.focus()
    else target.click()
  }
})
`
