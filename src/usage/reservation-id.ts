import { base64url, fromBase64, utf8 } from '../lib/bytes.ts'

interface HoldRef {
  readonly organizationId: string
  /** The period's name. */
  readonly period: string
  readonly holdId: string
}

/** Whom a hold is for. */
interface HoldOwner {
  readonly key_id?: string | undefined
  readonly subject?: string | undefined
}

/** The maximum length of an id; the longest subject takes most of it. */
export const LONGEST_ID = 640

/** Identifies a hold permanently: its settlement is found by it, and the settlement's event has it as its id. */
export const holdEventId = ({ organizationId, period, holdId }: HoldRef) =>
  `hold_${organizationId.replaceAll('-', '')}_${period}_${holdId}`

/**
 * The id of a hold for callers. It contains the hold's key and subject, so that a settlement has them even if Redis does not.
 * It is not a secret and proves nothing: a settlement may itself name any key of the organization and any subject.
 */
export function reservationId(hold: HoldRef, { key_id, subject }: HoldOwner): string {
  const key = key_id ? `_k${key_id.replaceAll('-', '')}` : ''
  return `${holdEventId(hold)}${key}${subject ? `_s${base64url(utf8(subject))}` : ''}`
}

const UUID = '([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})'
const RESERVATION_ID = new RegExp(
  `^hold_${UUID}_(2\\d{3}-\\d{2}(?:-\\d{2})?)_([0-9A-Za-z]{22,32})(?:_k${UUID})?(?:_s([0-9A-Za-z_-]{2,512}))?$`,
)

/** @returns `undefined` if the text is not a reservation id */
export function parseReservationId(text: string): (HoldRef & HoldOwner) | undefined {
  const match = RESERVATION_ID.exec(text)
  if (!match) return undefined
  const [period = '', holdId = ''] = match.slice(6, 8)
  const [key, encoded] = [match[8], match[13]]
  const subject = encoded === undefined ? undefined : decode(encoded)
  if (encoded !== undefined && subject === undefined) return undefined
  return {
    organizationId: match.slice(1, 6).join('-'),
    period,
    holdId,
    ...(key !== undefined && { key_id: match.slice(8, 13).join('-') }),
    ...(subject !== undefined && { subject }),
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns `undefined` if no subject has this encoding */
function decode(encoded: string): string | undefined {
  try {
    const subject = decoder.decode(fromBase64(encoded))
    return subject.length <= MAX_SUBJECT && !subject.includes('\0') ? subject : undefined
  } catch {
    return undefined
  }
}

/** As in the schema of reported events. */
const MAX_SUBJECT = 128
