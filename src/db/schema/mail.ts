import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, moment } from './columns.ts'

/** Mail on its way: written with what it is about, sent after the answer, and again by a job until the provider takes it. */
export const mailOutbox = pgTable(
  'mail_outbox',
  {
    id: uuid().primaryKey(),
    recipient: text().notNull(),
    subject: text().notNull(),
    /** Null once sent or given up: a mail may hold a link that is good for a while. */
    text: text(),
    html: text(),
    attempts: integer().notNull().default(0),
    /** When it is due; null once it is sent or given up. */
    nextAttemptAt: moment(),
    sentAt: moment(),
    /** Why the last attempt failed. */
    error: text(),
    createdAt: createdAt(),
  },
  (t) => [
    index('mail_outbox_created').on(t.createdAt),
    index('mail_outbox_due').on(t.nextAttemptAt).where(sql`${t.nextAttemptAt} is not null`),
    index('mail_outbox_given_up').on(t.createdAt).where(sql`${t.nextAttemptAt} is null and ${t.sentAt} is null`),
  ],
)
