/**
 * Descriptive fields never prevent an event from being counted: they are cut or dropped, with a warning to the
 * reporter. Pure.
 */
import { metadata } from '../http/fields.ts'
import { cutText } from '../http/text-field.ts'

/** The maximum stored length of each field, in UTF-16 code units. */
export const TEXT_LENGTHS = {
  endpoint: 200,
  method: 10,
  provider: 100,
  model: 200,
  route: 100,
  ip: 45,
  user_agent: 500,
  error_code: 100,
  error_message: 1_000,
} as const

export const MAX_RESPONSE_TIME_MS = 86_400_000

export interface Warning {
  readonly field: string
  readonly code: 'cut' | 'left_out' | 'unpriced'
  readonly detail: string
}

type Fields = Readonly<Record<string, unknown>>

/** Whether a value of a field that is not text can be stored. */
const CHECKS: Readonly<Record<string, readonly [isKept: (value: unknown) => boolean, rule: string]>> = {
  status_code: [
    (value) => Number.isInteger(value) && Number(value) >= 100 && Number(value) <= 599,
    'must be an HTTP status from 100 to 599',
  ],
  response_time_ms: [
    (value) => typeof value === 'number' && value >= 0 && value <= MAX_RESPONSE_TIME_MS,
    'must be milliseconds from 0 to a day',
  ],
  metadata: [isStorable, 'must be an object of at most 4,000 characters as JSON, without NUL or a lone surrogate'],
}

/**
 * Cuts descriptive texts to their stored length, removes characters that Postgres cannot store, and drops values that
 * cannot be stored at all.
 *
 * @param raw an event as it arrived; a value that is not an object is returned unchanged
 */
export function cleanDescription(raw: unknown): { readonly event: unknown; readonly warnings: readonly Warning[] } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return { event: raw, warnings: [] }
  const event: Record<string, unknown> = { ...raw }
  const warnings: Warning[] = []
  for (const [field, value] of Object.entries(raw as Fields)) {
    if (value === null || value === undefined) continue
    const warning = judge(field, value)
    if (!warning) continue
    warnings.push({ field, code: warning.code, detail: warning.detail })
    event[field] = warning.kept
  }
  return { event, warnings }
}

function judge(field: string, value: unknown): (Omit<Warning, 'field'> & { readonly kept?: string }) | undefined {
  if (Object.hasOwn(TEXT_LENGTHS, field)) return judgeText(value, TEXT_LENGTHS[field as keyof typeof TEXT_LENGTHS])
  const [isKept, rule] = (Object.hasOwn(CHECKS, field) ? CHECKS[field] : undefined) ?? []
  return !isKept || isKept(value) ? undefined : { code: 'left_out', detail: `${field} ${rule}; it was left out` }
}

function judgeText(
  value: unknown,
  maxLength: number,
): (Omit<Warning, 'field'> & { readonly kept?: string }) | undefined {
  if (typeof value !== 'string') return { code: 'left_out', detail: 'must be text; it was left out' }
  const kept = cutText(value, maxLength)
  if (kept === value) return undefined
  return { code: 'cut', kept, detail: `was cut: ${maxLength} characters of well-formed Unicode without NUL are kept` }
}

/** A value nested more deeply than the schema can follow counts as unstorable. */
function isStorable(value: unknown): boolean {
  try {
    return metadata.safeParse(value).success
  } catch {
    return false
  }
}
