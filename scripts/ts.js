// Runs TypeScript: node --import=./scripts/ts.js FILE.ts. ts-blank-space removes the types and keeps every position. The result is cached by the hash of the
// text, so only the first process that meets a new text loads the compiler, which takes longer than most test files take to run.
import { register } from 'node:module'

register('./ts-hooks.js', import.meta.url)
