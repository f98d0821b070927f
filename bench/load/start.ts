import { spawnSync } from 'node:child_process'

export interface Loaded {
  /** The time that the imports took. */
  ms: number
  /** Resident memory, in bytes. */
  rss: number
  /** The files that were loaded, by URL; empty unless they were counted. */
  files: Set<string>
}

/** Writes the URL of what is imported to stderr. What CommonJS requires is in its cache instead. */
const COUNTER = `
  import { writeSync } from 'node:fs'
  export async function load(url, context, next) {
    if (url.startsWith('file:')) writeSync(2, url + '\\n')
    return await next(url, context)
  }`

/** Imports modules, one after the other, in a fresh process. Counting takes time and memory: a process either counts or measures. */
export function start(modules: readonly string[], { count = false, nodeArgs = [] as readonly string[] } = {}): Loaded {
  const code = `
    import { createRequire, register } from 'node:module'
    import { pathToFileURL } from 'node:url'
    if (${count}) register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(COUNTER)}`)})
    const start = performance.now()
    for (const module of ${JSON.stringify(modules)}) await import(module)
    const ms = performance.now() - start
    const { rss } = process.memoryUsage()
    if (${count}) for (const file of Object.keys(createRequire(import.meta.url).cache)) console.error(pathToFileURL(file).href)
    console.log(JSON.stringify({ ms, rss }))`
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeArgs, '--input-type=module', '--eval', code], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${modules.join(', ')} cannot be loaded:\n${stderr}`)
  const { ms, rss } = JSON.parse(stdout) as { ms: number; rss: number }
  return { ms, rss, files: new Set(stderr.split('\n').filter((line) => line.startsWith('file:'))) }
}
