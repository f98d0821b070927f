#!/usr/bin/env node
import { run } from './program.ts'

// The reader is gone, as after `| head`.
process.stdout.on('error', () => process.exit(1))

run(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
