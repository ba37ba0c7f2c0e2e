/**
 * Waits for work that another request has started.
 *
 * workerd cancels a request that awaits only another request's promise ("hung"). It notices during garbage collection,
 * so mostly when the other request is slow. Racing the promise with a timer gives this request pending I/O of its own
 * and bounds the wait.
 *
 * @returns its result; `undefined` if there is none after that time
 * @throws what it throws
 */
export async function waitFor<Result>(work: Promise<Result>, ms: number): Promise<Result | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
