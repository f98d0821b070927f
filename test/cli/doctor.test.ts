import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { run } from '../../src/cli/doctor.ts'
import { MERCHANT_V3, OPTIONS } from '../options/merchant-v3.ts'

const INDEX = new URL('../../src/index.ts', import.meta.url).href

/** A file that exports options with an unreachable WeChat. */
const optionsFile = (exported = '') => `
  import { memoryStore } from ${JSON.stringify(INDEX)}
  const options = {
    ...${JSON.stringify({ ...OPTIONS, merchant: MERCHANT_V3, store: undefined, baseUrl: 'http://127.0.0.1:1', timeoutMs: 200 })},
    store: memoryStore(),
    price() {},
    onPaid() {},
  }
  ${exported || 'export default options'}
`

async function doctor(...args: string[]): Promise<{ code: number; printed: string }> {
  let printed = ''
  const code = await run(args, (text) => {
    printed += text
  })
  return { code, printed }
}

t.test('the doctor', async (t) => {
  const dir = t.testdir({
    'options.mjs': optionsFile(),
    'function.mjs': optionsFile('export default async () => options'),
    'wrong.mjs': 'export default { appid: 1 }',
    'throws.mjs': 'throw new Error("no secret in the environment")',
  })
  const plain = await doctor('doctor', `${dir}/options.mjs`)
  t.match(plain.printed, /^ok {4} options: /)
  t.match(plain.printed, /FAILED app secret: .*ECONNREFUSED/)
  t.match(plain.printed, /\nok {4} store: /)
  t.match(plain.printed, /\nWARN {2} API v2: There is no `merchant\.apiKey`.*\n {7}Set/, 'a merchant needs no v2 key')
  const json = await doctor('doctor', `${dir}/function.mjs`, '--json')
  const checks = JSON.parse(json.printed) as { ok: boolean }[]
  t.equal(json.code, checks.filter(({ ok }) => !ok).length, 'the exit code is the number of failed checks')
  t.equal(json.code, plain.code)
  t.ok(checks.length > 8)
  t.match(await doctor('doctor', `${dir}/wrong.mjs`), { code: 1, printed: /FAILED options: .*\n- `appid` must be/ })
  t.match(await doctor('doctor', `${dir}/throws.mjs`), { code: 1, printed: /no secret in the environment/ })
  t.match(await doctor('doctor', `${dir}/nothing.mjs`), { code: 1, printed: /FAILED options: / })
})

t.test('the doctor prints its checks, and nothing that the plugin would log', async (t) => {
  const server = createServer((_request, response) => {
    response.sendDate = false
    response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString())
    response.end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const dir = t.testdir({ 'options.mjs': optionsFile(`export default { ...options, baseUrl: '${baseUrl}' }`) })
  const { printed } = await doctor('doctor', `${dir}/options.mjs`)
  t.match(printed, /FAILED clock: /)
  t.match(printed.split('\n')[0], /^ok {4} options: /)
})

t.test('usage', async (t) => {
  t.match(await doctor('--help'), { code: 0, printed: /^Usage: (?:(?!\/\/).)+$/s })
  for (const args of [[], ['doctor'], ['patient', 'x.mjs'], ['doctor', 'a', 'b']]) {
    t.match(await doctor(...args), { code: 2, printed: /^Usage: / }, args.join(' '))
  }
  t.match(await doctor('doctor', 'x.mjs', '--loud'), { code: 2, printed: /--loud/ })
})

t.test('from a shell', async (t) => {
  const bin = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
  const loader = new URL('../../scripts/ts.js', import.meta.url).href
  const result = promisify(execFile)(process.execPath, [`--import=${loader}`, bin, 'doctor'])
  t.match(await result.catch((error: unknown) => error), { code: 2, stdout: /^Usage: / })
})
