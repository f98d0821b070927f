/** Names of one API version that differ from ours in more than their spelling. */
export type Renames = Readonly<Record<string, string>>

/** The value with the wire's names for ours, e.g. `area_code` for `areaCode`; what is undefined is left out. */
export function wireNames(value: unknown, renames: Renames = {}): unknown {
  if (Array.isArray(value)) return value.map((part) => wireNames(part, renames))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([name, part]) => [
        renames[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        wireNames(part, renames),
      ]),
  )
}
