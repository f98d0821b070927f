#!/usr/bin/env node
import { run } from './doctor.ts'

const code = await run(process.argv.slice(2), (text) => {
  process.stdout.write(text)
})
// A pool opened by the file would keep the process alive.
process.exit(code)
