import t from 'tap'
import { load } from '../../bench/lib/load.ts'
import { startProcess } from '../../bench/lib/process.ts'

type Server = { listen: () => number }

const messages = Array.from({ length: 200 }, (_, n) => ({ headers: {}, body: Buffer.from(`${n}`) }))

/** Runs a contestant that fails as `how` says. */
async function run(how: string): Promise<number> {
  const { call, ended, stop } = startProcess<Server>(new URL('servers/failing.mjs', import.meta.url), [how])
  try {
    const url = `http://127.0.0.1:${await call.listen()}/`
    return await load({ url, messages, reply: 'OK', connections: 4, ended, timeout: 1 })
  } finally {
    await stop()
  }
}

t.test('a contestant that does not fail has a rate', async (t) => {
  t.ok((await run('never fails')) > 0)
})

for (const [how, message] of [
  ['throws at the start', /ended with 1\./],
  ['dies', /ended with 3\.|of 200 requests 4\d were answered; then /],
  ['says nothing', /of 200 requests 4\d were answered; then request timed out/],
  ['answers something else', /of 200 requests \d+ were answered; then one with no$/],
  ['answers HTTP 500', /then one with HTTP 500/],
  ['breaks the connection', /of 200 requests 4\d were answered/],
] as const) {
  t.test(`a contestant that ${how} ends the benchmark with an error`, async (t) => {
    await t.rejects(run(how), message)
  })
}
