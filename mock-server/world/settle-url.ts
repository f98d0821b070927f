import { badInput } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
import { allRead, type Exchange, type Sender } from '../notify/sender.ts'

/** @throws MockError BAD_INPUT */
export function checkSettleUrl(url: string): void {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return
  throw badInput('settleUrl', 'url', `must be an absolute http(s) URL; got ${url}`)
}

function outcomeOf(exchange: Exchange): string {
  if ('reply' in exchange) return `answered with HTTP ${exchange.reply.status}`
  return 'error' in exchange ? `failed: ${exchange.error.message}` : 'did not answer'
}

/**
 * The counterpart of {@link World.settleOn} for an application in another process: sends a POST and resolves when it
 * answers 2xx. The advance limits how long it may take.
 * @throws MockError SETTLE_FAILED
 */
export const createSettleCall = (sender: Pick<Sender, 'post'>, url: string) => async (): Promise<void> => {
  await allRead()
  const exchange = await sender.post(url, {}, '', LONGEST_TIMEOUT_MS)
  if ('reply' in exchange && Math.floor(exchange.reply.status / 100) === 2) return
  throw new MockError(
    'SETTLE_FAILED',
    `settleUrl ${url} ${outcomeOf(exchange)}; it must answer 2xx once the background work is done`,
    { url },
  )
}
