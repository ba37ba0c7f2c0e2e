/** Usage events that were not counted, and who is told of them. */
import type { UsageEvent } from './binding-types.ts'

/**
 * An event that was not counted, and why: `rejected` (JSON cannot hold it) or the server's code for its rejection,
 * `conflict`, `queue_full`, the code of an error, or `closed`: nothing was acknowledged until the program ended.
 */
export interface LostEvent {
  readonly event: UsageEvent
  readonly reason: string
}

export type OnLost = (lost: readonly LostEvent[]) => void

/** Hands lost events over. What `onLost` throws must not stop the sending of others. */
export function tellLost(lost: readonly LostEvent[], onLost: OnLost | undefined): void {
  if (lost.length === 0) return
  if (!onLost) return warnOfLost(lost)
  try {
    onLost(lost)
  } catch (error) {
    warn(`usage.onLost failed for ${lost.length} usage events`, error)
  }
}

const QUIET_MS = 60_000

/** By reason: when it was said last, and how many events were lost since. Of all clients, since a Worker has one a request. */
const said = new Map<string, { at: number; unsaid: number }>()

/** The first loss of each reason is said at once, later ones once a minute. */
function warnOfLost(lost: readonly LostEvent[]): void {
  for (const reason of new Set(lost.map((one) => one.reason))) {
    const known = said.get(reason) ?? { at: Number.NEGATIVE_INFINITY, unsaid: 0 }
    known.unsaid += lost.filter((one) => one.reason === reason).length
    said.set(reason, known)
    const isQuiet = Date.now() < known.at + QUIET_MS
    if (!isQuiet) sayUnsaid(reason, known)
  }
}

function sayUnsaid(reason: string, known: { at: number; unsaid: number }): void {
  warn(`${known.unsaid} usage events were not counted: ${reason}. Give usage.onLost to get them.`)
  known.at = Date.now()
  known.unsaid = 0
}

function warn(message: string, ...more: unknown[]): void {
  console.warn(`tollgate: ${message}`, ...more)
}

/** What waits for its acknowledgement. */
interface Waiting {
  /** Says that all of it is lost. */
  lose(): void
}

const waiting = new Set<Waiting>()
let isListening = false

/** Where a process can end, what waits then is said to be lost. It does not keep the process alive. */
export function watchExit(one: Waiting, isWaiting: boolean): void {
  if (!isWaiting) return void waiting.delete(one)
  const process = findProcess()
  if (!process) return
  waiting.add(one)
  if (!isListening) process.on('exit', sayRest)
  isListening = true
}

function sayRest(): void {
  for (const one of waiting) one.lose()
  for (const [reason, known] of said) if (known.unsaid > 0) sayUnsaid(reason, known)
}

interface Process {
  on(event: 'exit', listener: () => void): unknown
}

/** Node, Deno and Bun have one. That of a Worker never exits, and what waited there would be kept for good. */
export function findProcess(): Process | undefined {
  const { process, navigator } = globalThis as {
    process?: Partial<Process>
    navigator?: { userAgent?: string }
  }
  if (navigator?.userAgent === 'Cloudflare-Workers' || typeof process?.on !== 'function') return undefined
  return process as Process
}
