import { sql } from 'drizzle-orm'
import { boolean, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz } from './columns.ts'

/**
 * Queued email: written in the batch of its cause, sent after the answer, and retried by a job until the provider
 * accepts it.
 */
export const mailOutbox = pgTable(
  'mail_outbox',
  {
    id: uuid().primaryKey(),
    recipient: text().notNull(),
    subject: text().notNull(),
    /** Null once sent or given up: an email may contain a link that still works. */
    text: text(),
    html: text(),
    /** Somebody waits for it: it has a code, a link or an invitation. It is sent before all that are not urgent. */
    urgent: boolean().notNull().default(false),
    attempts: integer().notNull().default(0),
    /** When it is due. Null once it is sent or given up. */
    nextAttemptAt: timestamptz(),
    sentAt: timestamptz(),
    /** Why the last attempt failed. */
    error: text(),
    createdAt: createdAt(),
  },
  (t) => [
    index('mail_outbox_created').on(t.createdAt),
    index('mail_outbox_due')
      .on(t.urgent.desc().nullsFirst(), t.nextAttemptAt)
      .where(sql`${t.nextAttemptAt} is not null`),
    index('mail_outbox_given_up').on(t.createdAt).where(sql`${t.nextAttemptAt} is null and ${t.sentAt} is null`),
  ],
)
