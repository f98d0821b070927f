import { parseArgs } from 'node:util'
import { clocks } from './clocks.ts'
import { deploy } from './deploy.ts'
import { bullmq, pgBoss } from './queues.ts'
import { scenarios } from './scenarios.ts'
import { startPostgres } from '../store/servers.ts'

// npm run chaos -- crash|processes|database|outage|deploy|clocks|pg-boss|bullmq [--version v2|v3] [--quick] [--json]
const {
  values: { quick = false, json = false, version = 'v2' },
  positionals: [name = ''],
} = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, version: { type: 'string' } },
})
const all = { ...scenarios, deploy, clocks, 'pg-boss': pgBoss, bullmq }
const scenario = all[name as keyof typeof all]
if (scenario === undefined || (version !== 'v2' && version !== 'v3')) {
  console.error(`Name one of ${Object.keys(all).join(', ')}; --version is v2 or v3.`)
  process.exit(2)
}

const say = (text: string) => {
  if (!json) console.error(text)
}
const database = await startPostgres()
const result = await scenario({ database, version, quick, say })
await database.remove()
console.log(
  json
    ? JSON.stringify(result)
    : `${name}: ${Object.entries(result)
        .map(([what, count]) => `${what} ${count}`)
        .join(', ')}`,
)
process.exit(
  result.lost + result.doubled + result.stuck + result.exits + result.refused === 0 && result.payments > 0 ? 0 : 1,
)
