import type { KeyRecord } from '../verification/key-record.ts'
import type { Match } from './match.ts'

/** One request in progress through the gateway. */
export interface Call {
  readonly request: Request
  readonly requestId: string
  readonly match: Match
  /** The query, with its question mark. */
  readonly search: string
  /** For the request upstream. */
  readonly headers: Headers
  /** `undefined` on a public path. */
  readonly record: KeyRecord | undefined
  /** Milliseconds since the request arrived. */
  elapsedMs(): number
  /** Records the verification in its current state: a report that completes it follows. */
  release(): void
  /** Records how the request ended. */
  end(status: number): void
  /** Leaves it to a report to say how the request ended: `end` records nothing after this. */
  leaveToReport(): void
}
