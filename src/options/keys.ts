/** The keys of an option that takes one or two; none for any other value. */
export function keysOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return [value]
  return value.length === 2 && value[0] !== value[1] ? value : []
}
