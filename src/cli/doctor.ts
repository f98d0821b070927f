import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { createAccount } from '../account.ts'
import type { Log } from '../hooks.ts'
import type { Check } from '../model.ts'
import type { WechatPayOptions } from '../options/options.ts'
import { parseOptions } from '../options/parse.ts'
import { selfTest } from '../self-test.ts'

const USAGE = `Usage: fastify-wechat-pay doctor FILE [--json]

Checks the options of the plugin before they go live. FILE is a .js or .mjs file
whose default export is the options, or a function that returns them.
Tries keys, app secret, clock, public URL and store; nothing is written, ordered
or changed. The exit code is the number of failed checks; a warning does not count.
`

const nothing = () => {}
const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Resolves with the exit code. */
export async function run(args: readonly string[], print: (text: string) => void): Promise<number> {
  let given: ReturnType<typeof read>
  try {
    given = read(args)
  } catch (error) {
    print(`${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  const { values, positionals } = given
  const [command, file] = positionals
  if (values.help || command !== 'doctor' || file === undefined || positionals.length > 2) {
    print(USAGE)
    return values.help ? 0 : 2
  }
  const checks = await doctor(file)
  print(values.json ? `${JSON.stringify(checks, null, 2)}\n` : checks.map(shown).join(''))
  return checks.filter(({ ok }) => !ok).length
}

function read(args: readonly string[]) {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
  return parseArgs({ args: [...args], options, allowPositionals: true })
}

async function doctor(file: string): Promise<Check[]> {
  let config: ReturnType<typeof parseOptions>
  try {
    const { default: exported } = (await import(pathToFileURL(resolve(file)).href)) as { default: unknown }
    const options: unknown = typeof exported === 'function' ? await (exported as () => unknown)() : exported
    config = parseOptions(options as WechatPayOptions)
  } catch (error) {
    return [{ check: 'options', ok: false, reason: (error as Error).message, advice: `Correct ${file}.` }]
  }
  const account = createAccount(config, SILENT)
  try {
    return [
      { check: 'options', ok: true, reason: 'All options have the right form, and the keys belong together.' },
      ...(await selfTest({ config, services: account })),
    ]
  } finally {
    account.work.stop()
    await account.close()
  }
}

function shown({ check, ok, reason, advice }: Check): string {
  const result = ok ? (advice === undefined ? 'ok    ' : 'WARN  ') : 'FAILED'
  return `${result} ${check}: ${reason}\n${advice === undefined ? '' : `       ${advice}\n`}`
}
