import { nativeClearTimeout, nativeSetTimeout } from './native.ts'

/** Resolves with false if `work` is not done within `ms` real milliseconds. */
export async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout
  const limit = new Promise<false>((resolve) => {
    timer = nativeSetTimeout(() => resolve(false), ms)
  })
  return Promise.race([work.then(() => true), limit]).finally(() => nativeClearTimeout(timer))
}
