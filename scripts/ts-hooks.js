import { hash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const { version } = createRequire(import.meta.url)('ts-blank-space/package.json')
const cache = new URL(`../node_modules/.cache/ts-blank-space-${version}/`, import.meta.url)

export async function load(url, context, nextLoad) {
  if (!new URL(url).pathname.endsWith('.ts')) return nextLoad(url, context)
  const text = readFileSync(fileURLToPath(url), 'utf8')
  return { format: 'module', shortCircuit: true, source: await stripped(text) }
}

async function stripped(text) {
  const kept = new URL(`${hash('sha1', text)}.js`, cache)
  try {
    return readFileSync(kept, 'utf8')
  } catch {
    const { default: blank } = await import('ts-blank-space')
    const source = blank(text)
    keep(kept, source)
    return source
  }
}

/** Other processes may read or write the same file, so it must appear complete. If writing fails, nothing is cached. */
function keep(file, source) {
  try {
    mkdirSync(cache, { recursive: true })
    const own = `${fileURLToPath(file)}.${process.pid}`
    writeFileSync(own, source)
    renameSync(own, file)
  } catch {}
}
