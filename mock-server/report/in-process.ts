import type { World } from '../world/world.ts'
import type { Case } from './case.ts'
import { selectCases, type CardOptions } from './options.ts'
import type { OrderWord } from './parts/merchant.ts'
import { createRun, type Card, type CardRun, type CaseResult } from './run.ts'

/** Options of {@link reportCard}. */
export interface ReportCardOptions extends Omit<CardOptions, 'notifyUrl' | 'refundUrl' | 'loginUrl' | 'probe'> {
  /** The handler's URL; a function if it is only known when the tests run. */
  readonly notifyUrl?: string | (() => string)
  readonly refundUrl?: string | (() => string)
  readonly loginUrl?: string | (() => string)
  /** Reports what became of an order; a bare number counts its fulfilments. */
  readonly probe?: (outTradeNo: string) => OrderWord | number | Promise<OrderWord | number>
}

/** One case, as a test for any runner. */
export interface CardCase extends Pick<Case, 'id' | 'title' | 'severity' | 'must' | 'fix'> {
  /**
   * Runs the case. Cases run one after another.
   * @throws an Error with the reason, on the verdicts FAIL and ERROR
   */
  readonly run: () => Promise<CaseResult>
}

/** A report card in the process: its cases, each to be run as a test. */
export interface ReportCard {
  readonly cases: readonly CardCase[]
  /** After the last case: checks every order once more and sums up. */
  readonly finish: () => Promise<Card>
}

const resolved = (url: string | (() => string) | undefined) => (typeof url === 'function' ? url() : url)

/**
 * The report card of a backend in this process or another one, one test per case. `world`: the one the backend is
 * configured for; a function if it only exists when the tests run.
 * @example for (const { id, title, run } of reportCard(world, { notifyUrl }).cases) test(`${id} ${title}`, run)
 * @throws MockError BAD_INPUT
 */
export function reportCard(
  world: World | (() => World),
  { notifyUrl, refundUrl, loginUrl, probe, ...options }: ReportCardOptions,
): ReportCard {
  let prepared: CardRun | undefined
  let last: Promise<unknown> = Promise.resolve()
  const run = () =>
    (prepared ??= createRun(typeof world === 'function' ? world() : world, {
      ...options,
      notifyUrl: resolved(notifyUrl),
      refundUrl: resolved(refundUrl),
      loginUrl: resolved(loginUrl),
      probe:
        probe &&
        (async (outTradeNo) => {
          const told = await probe(outTradeNo)
          return typeof told === 'number' ? { paid: told > 0, fulfilments: told } : told
        }),
    }))
  return {
    cases: selectCases(options).map((one) => ({
      ...one,
      run: () => {
        const result = last.then(() => run().one(one))
        last = result.catch(() => {})
        return result.then((result) => {
          const { id, verdict, severity, said } = result
          if (verdict === 'FAIL' || verdict === 'ERROR') {
            throw new Error(`${id} ${verdict} (${severity}): ${said}. ${one.fix}`)
          }
          return result
        })
      },
    })),
    finish: () => run().finish(),
  }
}
