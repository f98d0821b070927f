import { readdirSync } from 'node:fs'
import { main } from './lib/cli.ts'
import type { Bench } from './lib/measure.ts'

/** Every module beside this one is a benchmark. */
const names = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && file !== 'run.ts').map((file) => file.slice(0, -3))

async function load (name: string): Promise<Bench> {
  const module = await import(`./${name}.ts`) as { default: Bench }
  return module.default
}

process.exitCode = await main(process.argv.slice(2), names, load)
