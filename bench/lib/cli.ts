import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { format } from './measure.ts'
import type { Bench } from './measure.ts'

interface Output {
  write(text: string): unknown
}

/** Runs the benchmark that `args` name: every module of `folder` is one, `run.ts` excepted. Resolves with the exit code. */
export async function main(
  args: string[],
  folder: URL,
  out: Output = process.stdout,
  err: Output = process.stderr,
): Promise<number> {
  try {
    const names = readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
      .map((file) => file.slice(0, -3))
    const {
      values: { quick, json, version },
      positionals: [name = '', ...rest],
    } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        version: { type: 'string', default: 'v2' },
      },
    })
    if (!names.includes(name) || rest.length > 0 || (version !== 'v2' && version !== 'v3')) {
      throw new Error(
        `Usage: npm run bench -- NAME [--version v2|v3] [--quick] [--json]\nNAME is one of: ${names.join(', ')}`,
      )
    }
    const { default: bench } = (await import(new URL(`${name}.ts`, folder).href)) as { default: Bench }
    const report = await bench({
      quick,
      version,
      log: (line) => {
        err.write(`${line}\n`)
      },
    })
    out.write(json ? `${JSON.stringify({ name, node: process.version, ...report })}\n` : format(name, report))
    return 0
  } catch (error) {
    err.write(`${(error as Error).message}\n`)
    return 1
  }
}
