import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const { TmplGroup } = require('glass-easel-template-compiler') as typeof import('glass-easel-template-compiler')

export const MINI_PROGRAM = fileURLToPath(new URL('../../miniprogram/', import.meta.url))

/** A CommonJS module as an expression: what it exports. */
const moduleOf = (file: string) =>
  `((module) => {((require, module, exports) => {${readFileSync(require.resolve(file), 'utf8')}\n})((name) => glassEasel, module, module.exports)\nreturn module.exports})({ exports: {} })`

/** The renderer of WeChat's own mini programs, for a page that knows nothing of modules. */
export const renderer = () =>
  `'use strict'\nvar glassEasel = ${moduleOf('glass-easel')}\nvar miniProgramAdapter = ${moduleOf('glass-easel-miniprogram-adapter')}\n`

/** WXSS is CSS with a unit of its own, 1/750 of the screen's width, and one element, `page`. */
export const cssOf = (wxss: string) =>
  wxss
    .replace(/(-?[\d.]+)rpx\b/g, (_, n: string) => `${Number(((Number(n) * 100) / 750).toFixed(4))}cqw`)
    .replace(/^(\s*)page(?=\s*\{)/gm, '$1wx-page')

/** What the files of the folder are, as a script, with nothing changed in them: `define` is given each module, and `miniProgram` the rest. */
export function compile(folder = MINI_PROGRAM): { script: string; style: string } {
  const read = (path: string) => readFileSync(`${folder}/${path}`, 'utf8')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
  const of = (extension: string) => files.filter((path) => path.endsWith(extension)).sort()
  const app = JSON.parse(read('app.json')) as { pages: string[] }
  const templates = new TmplGroup()
  for (const path of of('.wxml')) templates.addTmpl(path.replace('.wxml', ''), read(path))
  const modules = of('.js').map(
    (path) =>
      `define(${JSON.stringify(path.replace('.js', ''))}, function (require, module, exports, App, Page, getApp) {${read(path)}\n})`,
  )
  const configs = Object.fromEntries(app.pages.map((path) => [path, JSON.parse(read(`${path}.json`)) as unknown]))
  const script = `'use strict'\n${modules.join('\n')}\nminiProgram(${JSON.stringify(app)}, ${JSON.stringify(configs)}, ${templates.getTmplGenObjectGroups()})\n`
  templates.free()
  return { script, style: of('.wxss').map(read).map(cssOf).join('\n') }
}
