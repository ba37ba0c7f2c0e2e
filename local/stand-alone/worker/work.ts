/**
 * Unfinished work of this process: requests, and work that continues after their answers, such as a stream whose tokens are
 * counted. However long it takes, workerd cancels none of it, even if its client has disconnected.
 */

let open = 0

/** The part of workerd's own type that is used here. */
interface Context {
  waitUntil(work: Promise<unknown>): void
  passThroughOnException(): void
  readonly props: unknown
}

/** An execution context like the given one, whose deferred work counts. */
export function countIn<Given extends Context>(context: Given): Given {
  return {
    waitUntil: (work: Promise<unknown>) => context.waitUntil(counted(work)),
    passThroughOnException: () => context.passThroughOnException(),
    props: context.props,
  } as Given
}

/** @returns a promise that never rejects */
export async function counted(work: Promise<unknown>): Promise<void> {
  open += 1
  try {
    await work
  } catch {
    // whoever started it handles the error
  } finally {
    open -= 1
  }
}

/** The number of unfinished pieces of work. */
export const countWork = (): number => open
