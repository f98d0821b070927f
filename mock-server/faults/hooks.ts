import type { ApiVersion, NotificationKind } from '../wire/names.ts'
import type { SignedHeaders } from '../wire/sign-v3.ts'
import type { FieldChanges } from '../wire/tamper.ts'

/** What a hook receives about the notification. */
export interface Pending {
  readonly version: ApiVersion
  readonly mchId: string
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
  /** The fields of the message; in API v3 those of the decrypted resource, `amount.total` and the like. Change them, add some, `delete` some. */
  fields: Record<string, string>
  /** A signed message is signed again when it was changed; false keeps the old signature. */
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

/** How a message of one version is read and changed. */
export interface MessageForm {
  readonly read: (body: string) => Record<string, string>
  /** `resign`: with a new signature, where the message itself contains one. */
  readonly change: (body: string, changes: FieldChanges, resign: boolean) => string
}

function bodyOf(
  original: string,
  fields: Readonly<Record<string, string>>,
  { resign, ...draft }: NotifyDraft,
  form: MessageForm,
): string {
  if (draft.body !== undefined) return draft.body
  const changes = changesOf(fields, draft.fields)
  if (Object.keys(changes).length === 0) return original
  return form.change(original, changes, resign && !('sign' in changes))
}

/** The headers of a changed message: signed again, except those the hook itself has changed. */
function headersOf(draft: NotifyDraft, { headers, body, sign }: Outgoing, changed: string): Outgoing['headers'] {
  if (!sign || !draft.resign || changed === body) return draft.headers
  const own = Object.entries(sign(changed)).filter(([name]) => draft.headers[name] === headers[name])
  return { ...draft.headers, ...Object.fromEntries(own) }
}

/**
 * One-shot hooks that may edit a draft: the escape hatch for anything no option covers.
 */
export function createHooks(formOf: (pending: Pending) => MessageForm): HookBook {
  const waiting: Hooks['beforeNotify'][] = []
  return {
    once: (_name, hook) => {
      waiting.push(hook)
    },
    prepare: (pending, attempt, outgoing) => {
      const hook = waiting.shift()
      if (!hook) return outgoing
      const { id, kind, outTradeNo } = pending
      const form = formOf(pending)
      const fields = form.read(outgoing.body)
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
      const body = bodyOf(outgoing.body, fields, draft, form)
      return { ...outgoing, url: draft.url, headers: headersOf(draft, outgoing, body), body }
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
  /** API v3: the headers that sign a body. */
  readonly sign?: (body: string, skewSeconds?: number) => SignedHeaders
}
