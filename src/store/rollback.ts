/** A statement that runs on when its transaction is given up, such as one that waits for a lock, holds a rollback up for no longer than this, ms. */
const ROLLBACK_MS = 2000

/** Whether a rollback was done, and in time. If not, its connection is to be destroyed: the server rolls back what has lost its connection. */
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
