import { LAST_MOMENT, readTime } from '../../lib/id-time.ts'
import type { VerdictTrace } from '../../metering/event.ts'
import type { VerdictCode } from '../../verdict-codes.ts'
import { STATUS_BY_CODE } from '../../verification/rules.ts'

const DAY_MS = 24 * 3_600_000
/** A merged refusal is stored with the time of the first one, a batch is open for 0.1 s, and clocks differ. */
const BEFORE_MS = 10_000
/** A request is decided within its time budget (REQUEST_BUDGET_MS, at most 60 s). */
const AFTER_MS = 60_000
/** How far back to search for an id that contains no time, unless the caller specifies it. */
const DEFAULT_DAYS = 7
/** The same as for lists of events. */
export const MAX_DAYS = 31

/** A time range in Unix milliseconds; `to` is exclusive. */
export interface TimeRange {
  readonly from: number
  readonly to: number
}

/** The time range to search: the caller's, else around the time in the id, else the last days. */
export function chooseRange(requestId: string, given: Partial<TimeRange>, now: number): TimeRange {
  const time = readTime(requestId)
  if (given.from === undefined && given.to === undefined && time !== undefined)
    return { from: time - BEFORE_MS, to: time + AFTER_MS }
  const to = given.to ?? (given.from === undefined ? now + AFTER_MS : given.from + DEFAULT_DAYS * DAY_MS)
  return { from: given.from ?? to - DEFAULT_DAYS * DAY_MS, to: Math.min(to, LAST_MOMENT) }
}

/** The input for a verdict's explanation. */
interface Explained {
  readonly code: VerdictCode
  readonly trace: VerdictTrace
  readonly ip: string | null
}

/** Explains a verdict in one sentence, plus one if Redis was down. */
export function explainVerdict({ code, trace, ip }: Explained): string {
  const sentence = EXPLANATIONS[code]({ trace, ip })
  return trace.alone ? `${sentence} Redis did not answer: one isolate decided alone, by what it knew.` : sentence
}

type Explain = (what: Omit<Explained, 'code'>) => string

const EXPLANATIONS: Readonly<Record<VerdictCode, Explain>> = {
  VALID: ({ trace }) => `The key was good, and ${units(trace)} fit into every limit.`,
  NOT_FOUND: () => 'No such key was issued.',
  REVOKED: () => 'The key was revoked before that moment.',
  DISABLED: () => 'The key was switched off.',
  EXPIRED: () => 'The key had expired.',
  ORGANIZATION_SUSPENDED: () => 'The organization was suspended.',
  FORBIDDEN_IP: ({ ip }) =>
    ip === null
      ? 'The key is bound to addresses, and the verification did not say the address of the caller.'
      : `The key is bound to addresses, and ${ip} was not among them.`,
  INSUFFICIENT_SCOPE: ({ trace }) => `The key did not have the scope ${(trace.missing ?? []).join(', ')}.`,
  RATE_LIMITED: ({ trace }) => explainWindow(trace),
  QUOTA_EXCEEDED: ({ trace }) => explainQuota(trace),
  CREDITS_EXHAUSTED: () => 'The prepaid credits of the organization were used up, or held by reservations.',
}

const units = ({ cost = 1 }: VerdictTrace) => (cost === 1 ? 'its one unit' : `its ${cost} units`)

function explainWindow(trace: VerdictTrace): string {
  const name = trace.refused_by ?? 'ratelimit'
  const [limit, remaining, resetsAt] = trace.windows?.[name] ?? []
  const what = name === 'ratelimit' ? 'The rate limit' : `The limit ${name}`
  if (trace.never_fits) return `${what} is ${limit}, less than the request asked for: it never fits.`
  return `${what} of ${limit} units had ${remaining} left, and ${units(trace)} did not fit until ${resetsAt}.`
}

function explainQuota(trace: VerdictTrace): string {
  const meter = trace.refused_by ?? 'api_calls'
  const [limit, used, held] = trace.quotas?.[meter] ?? []
  const what = `The quota of ${meter} for the period was ${limit}`
  if (trace.never_fits) return `${what}, less than the request asked for: it never fits.`
  return `${what}; ${used} were used and ${held} held by reservations, so that ${units(trace)} did not fit.`
}

/** Reads the code of a stored verification. */
export const readCode = (errorCode: string | null): VerdictCode =>
  errorCode !== null && Object.hasOwn(STATUS_BY_CODE, errorCode) ? (errorCode as VerdictCode) : 'VALID'
