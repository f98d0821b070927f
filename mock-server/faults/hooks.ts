import type { NotificationKind } from '../wire/names.ts'
import { changeFields, type FieldChanges, signAgain } from '../wire/tamper.ts'
import { type Fields, readXml } from '../wire/xml.ts'

/** What a hook receives about the notification. */
interface Pending {
  readonly id: string
  readonly kind: NotificationKind
  readonly outTradeNo: string
}

/** A notification just before it is sent. Changes apply to this one send only. */
export interface NotifyDraft {
  readonly id: string
  readonly kind: NotificationKind
  readonly outTradeNo: string
  readonly attempt: number
  url: string
  headers: Record<string, string>
  /** The fields of the message; change them, add some, `delete` some. */
  fields: Record<string, string>
  /** A signed message is signed again when its fields were changed; false keeps the old signature. */
  resign: boolean
  /** Set it to send exactly this instead of a message built from `fields`. */
  body: string | undefined
}

export interface Hooks {
  readonly beforeNotify: (draft: NotifyDraft) => void
}

export interface HookBook {
  /** Runs `hook` at the next occasion, once. */
  readonly once: <H extends keyof Hooks>(name: H, hook: Hooks[H]) => void
  readonly prepare: (notification: Pending, attempt: number, outgoing: Outgoing) => Outgoing
  /** How many have not run yet. */
  readonly waiting: () => number
  readonly clear: () => void
}

function changesOf(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): FieldChanges {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return Object.fromEntries(
    [...names].filter((name) => before[name] !== after[name]).map((name) => [name, after[name] ?? null]),
  )
}

function bodyOf(
  original: string,
  fields: Readonly<Record<string, string>>,
  { resign, ...draft }: NotifyDraft,
  key: () => string,
): string {
  if (draft.body !== undefined) return draft.body
  const changes = changesOf(fields, draft.fields)
  if (Object.keys(changes).length === 0) return original
  const changed = changeFields(original, changes)
  return resign && draft.fields.sign !== undefined && changes.sign === undefined ? signAgain(changed, key()) : changed
}

/**
 * One-shot hooks that may edit a draft: the escape hatch for anything no option covers. `keyOf` finds the key that a
 * message is signed with again.
 */
export function createHooks(keyOf: (message: Fields) => string): HookBook {
  const waiting: Hooks['beforeNotify'][] = []
  return {
    once: (_name, hook) => {
      waiting.push(hook)
    },
    prepare: ({ id, kind, outTradeNo }, attempt, outgoing) => {
      const hook = waiting.shift()
      if (!hook) return outgoing
      const message = readXml(outgoing.body)
      const fields = Object.fromEntries(message)
      const draft: NotifyDraft = {
        id,
        kind,
        outTradeNo,
        attempt,
        url: outgoing.url,
        headers: { ...outgoing.headers },
        fields: { ...fields },
        resign: true,
        body: undefined,
      }
      hook(draft)
      return {
        url: draft.url,
        headers: draft.headers,
        body: bodyOf(outgoing.body, fields, draft, () => keyOf(message)),
      }
    },
    waiting: () => waiting.length,
    clear: () => {
      waiting.length = 0
    },
  }
}

/** What is about to be sent. */
export interface Outgoing {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
