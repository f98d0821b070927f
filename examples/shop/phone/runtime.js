'use strict'
// A small WeChat: it runs a mini program's files over the `wx` of the mock, which has been loaded before.
const modules = new Map()
/** As the mini program's files call it: each is a CommonJS module. */
function define(path, body) {
  modules.set(path, { body })
}

const title = document.getElementById('title')
const screen = document.querySelector('[data-wx-phone]')
const back = document.getElementById('back')

function miniProgram(app, configs, templates) {
  const { glassEasel, miniProgramAdapter, wx } = globalThis
  if (!wx) {
    document.getElementById('broken').hidden = false
    return
  }
  const environment = new miniProgramAdapter.MiniProgramEnv()
  const space = environment.createCodeSpace('', true)
  const context = new glassEasel.CurrentWindowBackendContext()
  const backend = environment.associateBackend(context)
  context.onEvent((target, type, detail, options) => {
    glassEasel.Event.dispatchEvent(target, new glassEasel.Event(type, detail, options))
  })
  // What WeChat shows of an exception in a page: the console has it.
  glassEasel.addGlobalErrorListener((error) => {
    console.error(error)
    return false
  })

  let launched = {}
  let Page
  const load = (path) => {
    const found = modules.get(path)
    if (!found) throw new Error(`The mini program has no file ${path}.js.`)
    if (found.module) return found.module.exports
    found.module = { exports: {} }
    const require = (name) => {
      const { pathname } = new URL(name, `file:///${path}`)
      return load(pathname.slice(1).replace(/\.js$/, ''))
    }
    const App = (options) => {
      launched = options
    }
    found.body(require, found.module, found.module.exports, App, Page, () => launched)
    return found.module.exports
  }
  for (const path of app.pages) {
    space.addComponentStaticConfig(path, configs[path])
    space.addCompiledTemplate(path, { groupList: templates, content: templates[path] })
    space.componentEnv(path, (env) => {
      Page = env.Page
      load(path)
    })
  }

  const stack = []
  const call = ({ root }, lifetime, ...args) => {
    const page = root.get()
    if (page[lifetime]) page[lifetime](...args)
  }
  function show(entry) {
    const { navigationBarTitleText = app.window.navigationBarTitleText } = configs[entry.path]
    for (const { element } of stack) element.hidden = element !== entry.element
    title.textContent = navigationBarTitleText
    back.hidden = stack.length < 2
    call(entry, 'onShow')
  }
  function open(url) {
    const { pathname, searchParams } = new URL(url, `file:///${app.pages[0]}`)
    const path = pathname.slice(1)
    if (!app.pages.includes(path)) throw new Error(`app.json has no page ${path}.`)
    if (stack.length > 0) call(stack.at(-1), 'onHide')
    const element = document.createElement('div')
    element.className = 'page'
    const place = element.appendChild(document.createElement('i'))
    screen.append(element)
    const root = backend.createRoot('wx-page', space, path)
    root.attach(element, place)
    const entry = { path, root, element }
    stack.push(entry)
    call(entry, 'onLoad', Object.fromEntries(searchParams))
    show(entry)
    call(entry, 'onReady')
  }
  function close() {
    if (stack.length < 2) return
    const entry = stack.pop()
    call(entry, 'onUnload')
    entry.root.release()
    entry.element.remove()
    show(stack.at(-1))
  }

  const told = (work) => async (options) => {
    work(options && options.url)
  }
  Object.assign(wx, { navigateTo: told(open), navigateBack: told(close) })
  back.addEventListener('click', close)
  // The renderer knows only taps of a pointer; a key that presses a button clicks it without one.
  screen.addEventListener('click', ({ detail, target }) => {
    if (detail > 0) return
    for (const type of ['mousedown', 'mouseup']) target.dispatchEvent(new MouseEvent(type, { bubbles: true }))
  })
  wx.setStorageSync('baseUrl', location.origin)
  load('app')
  if (launched.onLaunch) launched.onLaunch({ path: app.pages[0], query: {} })
  open(`/${app.pages[0]}`)
}
globalThis.define = define
globalThis.miniProgram = miniProgram
