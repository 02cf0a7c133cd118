// Waiting for a promise, but not for ever.

/** The promise goes on in the background where it takes longer; its error is then nobody's. */
export async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | 'slow'> {
  let timer: NodeJS.Timeout | undefined
  const slow = new Promise<'slow'>((resolve) => {
    timer = setTimeout(() => resolve('slow'), limitMs)
  })
  promise.catch(() => undefined)
  try {
    return await Promise.race([promise, slow])
  } finally {
    clearTimeout(timer)
  }
}
