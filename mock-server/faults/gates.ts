import type { Presence } from '../base/activity.ts'
import { APIS, type Api } from '../wire/names.ts'
import { oneOf, strict, text, validate, type Schema } from '../base/schema.ts'

/**
 * Where an exchange can be held: `unifiedorder.request` before the request has any effect, `unifiedorder.response` when
 * it has taken effect and the reply is ready; `notify.request` before a notification is sent, `notify.response` when the
 * merchant has answered but the answer is not judged yet.
 */
export type GatePoint = `${Api}.${'request' | 'response'}`

/** What can open a gate: something passing a point, a judged delivery, or a payment. */
export type GateSignal = GatePoint | 'delivery.completed' | 'order.paid'

/** What a gate holds, and until when. */
export interface GateOptions {
  /** One gate has one name: setting it again opens the previous one. Default: the point and a number. */
  readonly name?: string
  /** Only exchanges, and events, about this order. */
  readonly outTradeNo?: string
  /** Opens automatically at the first such event after it was set. Default: only when released. */
  readonly until?: GateSignal
}

/** A gate and what it holds now. */
export interface GateView extends GateOptions {
  readonly name: string
  readonly hold: GatePoint
  /** `waiting`: nothing has arrived yet. */
  readonly state: 'waiting' | 'holding' | 'open'
  /** Something has arrived, even if the gate was open by then. */
  readonly used: boolean
  /** The orders of the held exchanges in order of arrival; null for an exchange about no order. */
  readonly holding: readonly (string | null)[]
}

/** A gate: a live view. It holds every arriving exchange until it is released, and nothing after that. */
export interface Gate extends GateView {
  /** Resolves when the first exchange is held, or when the gate is removed. */
  readonly reached: Promise<void>
  readonly release: () => void
  /** Releases and removes it. */
  readonly remove: () => void
}

export interface Gates {
  /** @throws MockError BAD_INPUT */
  readonly set: (hold: GatePoint, options?: GateOptions) => Gate
  /**
   * Returns a promise if a gate holds the exchange; undefined if it may continue at once. A held exchange does not hold
   * the clock: it is not counted as in flight until the gate opens.
   */
  readonly pass: (point: GatePoint, outTradeNo: string | undefined, presence: Presence) => Promise<void> | undefined
  readonly signal: (signal: GateSignal, outTradeNo: string | undefined) => void
  readonly list: () => Gate[]
  /** Opens and removes all of them. */
  readonly clear: () => void
}

const POINTS: readonly string[] = APIS.flatMap((api) => [`${api}.request`, `${api}.response`])
const SIGNALS: readonly string[] = [...POINTS, 'delivery.completed', 'order.paid']

export const HOLD: Schema = oneOf(...POINTS)
export const GATE = strict({ name: text(), outTradeNo: text(32), until: oneOf(...SIGNALS) })

/** A gate as it is now. */
export const gateView = ({ name, hold, until, outTradeNo, state, used, holding }: GateView): GateView => ({
  name,
  hold,
  ...(until && { until }),
  ...(outTradeNo !== undefined && { outTradeNo }),
  state,
  used,
  holding,
})

interface Held {
  readonly outTradeNo: string | undefined
  readonly goOn: () => void
}

class GateState implements Gate {
  readonly name: string
  readonly hold: GatePoint
  readonly until?: GateSignal
  readonly outTradeNo?: string
  readonly reached: Promise<void>
  used = false
  readonly #onChange: (gate: GateView) => void
  readonly #forget: () => void
  #open = false
  #held: Held[] = []
  #reach!: () => void

  constructor(
    name: string,
    hold: GatePoint,
    { until, outTradeNo }: GateOptions,
    onChange: (gate: GateView) => void,
    forget: () => void,
  ) {
    this.name = name
    this.hold = hold
    if (until !== undefined) this.until = until
    if (outTradeNo !== undefined) this.outTradeNo = outTradeNo
    this.reached = new Promise((resolve) => {
      this.#reach = resolve
    })
    this.#onChange = onChange
    this.#forget = forget
  }

  get state(): GateView['state'] {
    if (this.#open) return 'open'
    return this.used ? 'holding' : 'waiting'
  }

  get holding(): (string | null)[] {
    return this.#held.map(({ outTradeNo }) => outTradeNo ?? null)
  }

  /** Whether the gate applies to an exchange or event about this order. */
  concerns(outTradeNo: string | undefined): boolean {
    return this.outTradeNo === undefined || this.outTradeNo === outTradeNo
  }

  arrive(outTradeNo: string | undefined, presence: Presence): Promise<void> | undefined {
    this.used = true
    if (this.#open) return undefined
    presence.stepOut()
    const passed = new Promise<void>((resolve) => {
      // Resume now, not when the promise's reaction runs: the clock must not move in between.
      this.#held.push({
        outTradeNo,
        goOn: () => {
          presence.stepIn()
          resolve()
        },
      })
    })
    this.#reach()
    this.#onChange(this)
    return passed
  }

  readonly release = () => {
    if (this.#open) return
    this.#open = true
    for (const { goOn } of this.#held) goOn()
    this.#held = []
    this.#onChange(this)
  }

  readonly remove = () => {
    this.release()
    this.#reach()
    this.#forget()
  }
}

/** The gates of a world. `onChange` is called when one holds something and when it opens. */
export function createGates(onChange: (gate: GateView) => void): Gates {
  const tell = (gate: GateView) => onChange(gateView(gate))
  const gates = new Map<string, GateState>()
  let numbered = 0

  async function passOneByOne(
    met: readonly GateState[],
    outTradeNo: string | undefined,
    presence: Presence,
  ): Promise<void> {
    for (const gate of met) await gate.arrive(outTradeNo, presence)
  }

  return {
    set: (hold, options = {}) => {
      validate(HOLD, hold, 'hold')
      validate(GATE, options)
      const { name = `${hold}-${++numbered}` } = options
      gates.get(name)?.remove()
      const gate = new GateState(name, hold, options, tell, () => gates.delete(name))
      gates.set(name, gate)
      return gate
    },
    pass: (point, outTradeNo, presence) => {
      if (gates.size === 0) return undefined
      const met = [...gates.values()].filter((gate) => gate.hold === point && gate.concerns(outTradeNo))
      return met.length === 0 ? undefined : passOneByOne(met, outTradeNo, presence)
    },
    signal: (signal, outTradeNo) => {
      for (const gate of gates.values()) if (gate.until === signal && gate.concerns(outTradeNo)) gate.release()
    },
    list: () => [...gates.values()],
    clear: () => {
      for (const gate of [...gates.values()]) gate.remove()
    },
  }
}
