import { parseArgs } from 'node:util'
import { clocks } from './clocks.ts'
import { deploy } from './deploy.ts'
import { scenarios } from './scenarios.ts'
import { startPostgres } from '../store/servers.ts'

// npm run chaos -- crash|processes|database|outage|deploy|clocks [--quick] [--json]
const {
  values: { quick = false, json = false },
  positionals: [name = ''],
} = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' } },
})
const all = { ...scenarios, deploy, clocks }
const scenario = all[name as keyof typeof all]
if (scenario === undefined) {
  console.error(`Name one of ${Object.keys(all).join(', ')}.`)
  process.exit(2)
}

const say = (text: string) => {
  if (!json) console.error(text)
}
const database = await startPostgres()
const result = await scenario({ database, quick, say })
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
