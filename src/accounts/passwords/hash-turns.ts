import { Problem } from '../../problems.ts'

/** While a core works for a hash, the isolate answers others in pauses: so it takes about three times as long. */
const STRETCH = 3
/** Nobody waits longer for a turn: it is better to come again, to another isolate perhaps. */
const MAX_WAIT_MS = 2_000
/** No turn is that far away: the clock was set back. */
const CLOCK_STEP_MS = 10_000
const LOOK_MS = 5
/** A pause takes a millisecond at least: only each third is taken while others wait for so long. */
const HURRY = 3
const HURRY_FROM_MS = 600

interface Turn {
  seenAt: number
  readonly ms: number
}

/** When the next turn may begin, in milliseconds since 1970, if each takes as long as it should. */
let nextTurn = 0
/** Who has the turn. */
let current: Turn | undefined

/**
 * Does work that keeps a core busy: one piece at a time in an isolate, with pauses in which it answers others.
 *
 * @param ms so long the work takes
 * @param work must call `pause` a few times a millisecond where it does not leave the thread to others by itself
 * @throws Problem `busy`, with `Retry-After`, when its turn would come too late
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
  await wait(turn - asked)
  while (isAtWork(current)) {
    await wait(LOOK_MS)
    const late = Date.now() - asked
    if (late > 2 * MAX_WAIT_MS) throw busy(late) // the machine is slower than it was taken to be
  }

  const mine = { seenAt: Date.now(), ms }
  current = mine
  let pauses = 0
  async function pause() {
    if (nextTurn - Date.now() > HURRY_FROM_MS && ++pauses % HURRY > 0) return
    await wait(0)
    if (current !== mine) throw busy(MAX_WAIT_MS) // it was taken for gone, and another one works
    mine.seenAt = Date.now()
  }
  try {
    return await work(pause)
  } finally {
    if (current === mine) current = undefined
  }
}

/** A request that is broken off does not say so: whoever was not seen for much longer than the work takes is gone. */
const isAtWork = (turn: Turn | undefined): boolean =>
  turn !== undefined && Math.abs(Date.now() - turn.seenAt) < MAX_WAIT_MS + 4 * turn.ms

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const busy = (waitMs: number) =>
  new Problem('busy', { headers: { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1_000))) } })
