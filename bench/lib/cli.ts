import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { format } from './measure.ts'
import type { Bench } from './measure.ts'

interface Output {
  write (text: string): unknown
}

/** Runs the benchmark that `args` name, a module in `folder` that exports one function; resolves with the exit code. */
export async function main (args: string[], folder: URL, out: Output = process.stdout, err: Output = process.stderr): Promise<number> {
  const names = readdirSync(folder).filter((file) => file.endsWith('.ts') && file !== 'run.ts').map((file) => file.slice(0, -3))
  const usage = `Usage: npm run bench -- NAME [--quick] [--json]\nNAME is one of: ${names.join(', ')}\n`
  try {
    const { values: { quick, json }, positionals: [name = '', ...rest] } = parseArgs({
      args, allowPositionals: true, options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } }
    })
    if (!names.includes(name) || rest.length > 0) {
      err.write(usage)
      return 2
    }
    const { default: bench } = await import(new URL(`${name}.ts`, folder).href) as { default: Bench }
    const report = await bench({ quick, log: (line) => { err.write(`${line}\n`) } })
    out.write(json ? `${JSON.stringify({ name, node: process.version, ...report })}\n` : format(name, report))
    return 0
  } catch (error) {
    err.write(`${(error as Error).stack}\n${usage}`)
    return 1
  }
}
