/** A statement that is still running when its transaction is aborted, e.g. waiting for a lock, delays the rollback at most this long, ms. */
const ROLLBACK_MS = 2000

/** Whether the rollback was done in time. If not, destroy the connection: the server then rolls back. */
export async function inTime(rollback: Promise<unknown>, limitMs = ROLLBACK_MS): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      resolve(false)
    }, limitMs)
  })
  try {
    return await Promise.race([
      rollback.then(
        () => true,
        () => false,
      ),
      limit,
    ])
  } finally {
    clearTimeout(timer)
  }
}
