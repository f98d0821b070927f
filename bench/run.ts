import { main } from './lib/cli.ts'

process.exitCode = await main(process.argv.slice(2), new URL('.', import.meta.url))
