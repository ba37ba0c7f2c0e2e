import { sleep } from '../../lib/sleep.ts'
import { count, observe } from '../../metrics/count.ts'
import { Problem } from '../../problems.ts'

/**
 * While a core computes a hash, the isolate answers other requests in pauses, so the hash takes about three times as
 * long.
 */
const STRETCH = 3
/** The longest wait for a turn. A retry after this may reach another isolate. */
const MAX_WAIT_MS = 2_000
/** A turn that is further away than this means that the clock was set back. */
const CLOCK_STEP_MS = 10_000
const LOOK_MS = 5
/** A pause takes at least a millisecond. If the queue is longer than `HURRY_FROM_MS`, only every third one is taken. */
const HURRY = 3
const HURRY_FROM_MS = 600

interface Turn {
  seenAt: number
  readonly ms: number
}

/** When the next turn may begin, in milliseconds since 1970, if each takes as long as expected. */
let nextTurn = 0
/** The current turn. */
let current: Turn | undefined

/**
 * Runs work that keeps a core busy: one piece at a time per isolate, with pauses in which the isolate answers other
 * requests.
 *
 * @param ms how long the work takes
 * @param work must call `pause` a few times per millisecond if it does not yield otherwise
 * @throws Problem `busy`, with `Retry-After`, if its turn would come too late
 */
export async function inTurn<Result>(
  ms: number,
  work: (pause: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const asked = Date.now()
  if (nextTurn > asked + CLOCK_STEP_MS) nextTurn = asked
  const turn = Math.max(asked, nextTurn)
  if (turn - asked > MAX_WAIT_MS) throw busy(turn - asked)
  nextTurn = turn + ms * STRETCH
  await sleep(turn - asked)
  while (isAtWork(current)) {
    await sleep(LOOK_MS)
    const late = Date.now() - asked
    if (late > 2 * MAX_WAIT_MS) throw busy(late) // the machine is slower than expected
  }

  const mine = { seenAt: Date.now(), ms }
  count('passwordHashes', 'begun')
  observe('hashWaitSeconds', '', (mine.seenAt - asked) / 1_000)
  current = mine
  let pauses = 0
  async function pause() {
    if (nextTurn - Date.now() > HURRY_FROM_MS && ++pauses % HURRY > 0) return
    await sleep(0)
    if (current !== mine) throw busy(MAX_WAIT_MS) // its turn was presumed abandoned and given to another
    mine.seenAt = Date.now()
  }
  try {
    return await work(pause)
  } finally {
    if (current === mine) current = undefined
  }
}

/** An aborted request gives no signal. A turn counts as abandoned if it was inactive for much longer than its work takes. */
const isAtWork = (turn: Turn | undefined): boolean =>
  turn !== undefined && Math.abs(Date.now() - turn.seenAt) < MAX_WAIT_MS + 4 * turn.ms

function busy(waitMs: number): Problem {
  count('passwordHashes', 'refused')
  return new Problem('busy', { headers: { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1_000))) } })
}
