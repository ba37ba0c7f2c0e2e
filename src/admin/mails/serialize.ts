import type * as z from 'zod'
import { dateToIso } from '../../lib/iso.ts'
import type { MailState, MailView } from './queries.ts'
import type { AdminMail } from './schemas.ts'

/** Serializes an email of the outbox. */
export function toMail(row: MailView): z.output<typeof AdminMail> {
  return {
    id: row.id,
    to: row.recipient,
    subject: row.subject,
    state: describeState(row),
    attempts: row.attempts,
    next_attempt_at: dateToIso(row.nextAttemptAt),
    error: row.error,
    created_at: row.createdAt.toISOString(),
    sent_at: dateToIso(row.sentAt),
  }
}

function describeState({ sentAt, nextAttemptAt }: MailView): MailState {
  if (sentAt) return 'sent'
  return nextAttemptAt ? 'pending' : 'failed'
}
