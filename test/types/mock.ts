// Compiled by `npm run typecheck`: what the types of the mock allow, and what they refuse.
import { createMockWechat, type World } from '../../mock-server/index.ts'

export async function disposal(): Promise<string> {
  await using mock = await createMockWechat()
  await using world = mock.world({ seed: 42 })
  return world.id
}

export function faults(world: World): void {
  world.fault('refund', { kind: 'reset', when: 'after' })
  world.fault('unifiedorder', { kind: 'result_code_fail', err_code: 'ORDERPAID' })
  // @ts-expect-error a code of another call
  world.fault('unifiedorder', { kind: 'result_code_fail', err_code: 'REFUNDNOTEXIST' })
  // @ts-expect-error a login call has no such answer
  world.fault('jscode2session', { kind: 'return_code_fail' })
  // @ts-expect-error no such call
  world.fault('unifiedOrder', { kind: 'reset' })
  // @ts-expect-error no such effect
  world.fault('refund', { kind: 'rest' })
}

export async function time(world: World): Promise<void> {
  await world.advance('24h4m')
  await world.advance({ next: 1 })
  await world.advance({ to: new Date(0) })
  // @ts-expect-error a moment is a Date in the process
  await world.advance({ to: '2026-01-16T12:00:00+08:00' })
}
