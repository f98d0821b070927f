/** How much of a thrown value a log line may contain: characters, objects, and nesting. */
const MAX_CHARACTERS = 16_384
const MAX_OBJECTS = 100
const MAX_STEPS = 8
/** What is kept of a larger one: the message, both ends of the stack, and this many causes. */
const MESSAGE = 500
const STACK = 2000
const CAUSES = 3

/** The message of any thrown value, in a form that every database can store. */
export function reasonOf(thrown: unknown): string {
  try {
    const text = String(thrown instanceof Error ? thrown.message || thrown.name : thrown)
    return copied(text.slice(0, MESSAGE)).replaceAll('\0', '')
  } catch {
    return 'something was thrown that cannot be shown'
  }
}

/** Only the code: an error's text may contain addresses with secrets. */
export function codeOf(error: Error): string {
  const { code, name } = error as NodeJS.ErrnoException
  return typeof code === 'string' ? code : name
}

/**
 * A hook's error, fit for a log and a reply: unchanged, or a short copy if it throws when it is read, is too long or too deep, or is not an object. A
 * hook may throw anything, and a failing logger must not prevent its failure from being counted.
 */
export function loggable(thrown: unknown): object {
  return isSmall(thrown) ? thrown : summary(thrown, CAUSES)
}

function isSmall(thrown: unknown): thrown is object {
  const left = { characters: MAX_CHARACTERS, objects: MAX_OBJECTS }

  function fits(value: unknown, steps: number): boolean {
    if (typeof value === 'string') return (left.characters -= value.length) >= 0
    if (typeof value !== 'object' || value === null) return true
    if (steps === 0 || --left.objects < 0) return false
    if (ArrayBuffer.isView(value)) return (left.characters -= value.byteLength) >= 0
    if (Array.isArray(value) && value.length > MAX_OBJECTS) return false
    const { message, stack, cause, errors, toJSON } = value as Record<string, unknown>
    if (value instanceof Error && (typeof message !== 'string' || typeof stack !== 'string')) return false
    const written: unknown = typeof toJSON === 'function' ? toJSON.call(value) : undefined
    if (![message, stack, cause, errors, written].every((part) => fits(part, steps - 1))) return false
    // Loggers read inherited properties too.
    for (const name in value) {
      if (!fits(name, steps) || !fits((value as Record<string, unknown>)[name], steps - 1)) return false
    }
    return true
  }

  try {
    return typeof thrown === 'object' && thrown !== null && fits(thrown, MAX_STEPS)
  } catch {
    return false
  }
}

function summary(thrown: unknown, causes: number): Error {
  const { name, code, statusCode, stack, cause } = parts(thrown)
  const error = new Error(reasonOf(thrown))
  error.name = typeof name === 'string' ? copied(name.slice(0, 100)) : 'Error'
  error.stack =
    typeof stack === 'string'
      ? copied(stack.length > 2 * STACK ? `${stack.slice(0, STACK)}\n…\n${stack.slice(-STACK)}` : stack)
      : `${error.name}: ${error.message}`
  if (cause !== undefined && causes > 0) error.cause = isSmall(cause) ? cause : summary(cause, causes - 1)
  return Object.assign(
    error,
    typeof code === 'string' && { code: copied(code.slice(0, 100)) },
    typeof statusCode === 'number' && { statusCode },
  )
}

/** The keys that can be read. */
function parts(thrown: unknown): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const name of ['name', 'code', 'statusCode', 'stack', 'cause']) {
    try {
      found[name] = (thrown as Record<string, unknown>)[name]
    } catch {}
  }
  return found
}

/** A slice of a string keeps the whole string in memory; a copy does not. Half characters are replaced. */
function copied(text: string): string {
  return Buffer.from(text).toString()
}
