// Runs TypeScript: node --import=./scripts/ts.js FILE.ts. ts-blank-space removes the types and keeps every position. The cache key is the hash of the text,
// so only the first process that meets a new text loads the compiler, which takes longer than most test files.
import { register } from 'node:module'

register('./ts-hooks.js', import.meta.url)
