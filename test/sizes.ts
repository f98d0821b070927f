/** At full size a test takes too long for every change: `npm test` does less of the same, `npm run test:full` all of it. */
export function size<T>(quick: T, full: T): T {
  return process.env.TEST_SIZE === 'full' ? full : quick
}
