/**
 * Lets go of the oldest entries, so that at least the newest `limit` stay; a Map and a Set keep the order of insertion. In
 * blocks, so that one entry costs the same however many there are.
 */
export function keepNewest(index: Map<string, unknown> | Set<string>, limit: number): void {
  if (index.size < 2 * limit) return
  for (const name of [...index.keys()].slice(0, -limit)) index.delete(name)
}
