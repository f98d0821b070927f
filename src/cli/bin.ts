#!/usr/bin/env node
import { run } from './doctor.ts'

run(process.argv.slice(2), (text) => {
  process.stdout.write(text)
}).then((code) => {
  // A pool opened by the file would keep the process alive.
  process.exit(code)
})
