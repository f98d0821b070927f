import { badInput } from '../base/checks.ts'
import { parseSeconds } from '../clock/duration.ts'

/** V2 retry gaps in seconds (doc/global/v2/zh/4013634999: 24 h 4 min in total), and those used until about 2018. */
const GAPS = {
  current: [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600],
  legacy: [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600],
}

/** `current`, `legacy` or the gaps between the sends in seconds. */
export type Gaps = keyof typeof GAPS | readonly number[]

/**
 * The gaps, optionally with whether the first send is immediate (default). If not, it is due after the first gap, so that
 * 15 gaps make 15 sends: WeChat's documentation does not say whether there is an immediate one as well.
 */
export type Schedule = Gaps | { readonly gaps?: Gaps; readonly immediate?: boolean }

/** When a notification is sent: the gaps between its sends, and whether the first is immediate. */
export interface Plan {
  /** Milliseconds. */
  readonly gaps: readonly number[]
  readonly immediate: boolean
}

const refuse = (field: string, rule: string, told: unknown) =>
  badInput(field, rule, `must be ${rule}; got ${JSON.stringify(told)}`)

function gapsOf(gaps: unknown, field: string): number[] {
  const seconds = typeof gaps === 'string' && Object.hasOwn(GAPS, gaps) ? GAPS[gaps as keyof typeof GAPS] : gaps
  if (!Array.isArray(seconds)) throw refuse(field, `${Object.keys(GAPS).join(', ')} or gaps in seconds`, gaps)
  return seconds.map((gap) => parseSeconds(gap, field))
}

/** @throws MockError BAD_INPUT */
export function planOf(schedule: Schedule): Plan {
  if (typeof schedule !== 'object' || schedule === null || Array.isArray(schedule)) {
    return { gaps: gapsOf(schedule, 'schedule'), immediate: true }
  }
  const { gaps = 'current', immediate = true, ...unknown } = schedule as Exclude<Schedule, Gaps>
  if (Object.keys(unknown).length > 0) throw refuse('schedule', 'an object of gaps and immediate', schedule)
  if (typeof immediate !== 'boolean') throw refuse('schedule.immediate', 'true or false', immediate)
  const plan = { gaps: gapsOf(gaps, 'schedule.gaps'), immediate }
  if (!immediate && plan.gaps.length === 0) {
    throw refuse('schedule.gaps', 'at least one gap if the first send is not immediate', gaps)
  }
  return plan
}
