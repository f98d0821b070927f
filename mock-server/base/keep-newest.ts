/**
 * Drops the oldest entries and keeps at least the newest `limit`; Map and Set iterate in insertion order. Works in
 * blocks, so that adding one entry takes amortised constant time.
 */
export function keepNewest(index: Map<string, unknown> | Set<string>, limit: number): void {
  if (index.size < 2 * limit) return
  for (const name of [...index.keys()].slice(0, -limit)) index.delete(name)
}
