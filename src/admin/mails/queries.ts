import { and, desc, eq, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { mailOutbox } from '../../db/schema/mail.ts'
import { type PageRequest } from '../../http/paging.ts'
import { equals } from '../filter.ts'

const { id, recipient, subject, attempts, nextAttemptAt, sentAt, error, createdAt } = mailOutbox
/** Never the text: it may hold a link that signs somebody in. */
const viewColumns = { id, recipient, subject, attempts, nextAttemptAt, sentAt, error, createdAt }

export type MailView = NonNullable<Awaited<ReturnType<typeof findMail>>>

export type MailState = 'pending' | 'sent' | 'failed'

const HAS_STATE: Readonly<Record<MailState, SQL | undefined>> = {
  pending: isNotNull(nextAttemptAt),
  sent: isNotNull(sentAt),
  failed: and(isNull(nextAttemptAt), isNull(sentAt)),
}

interface MailFilter {
  readonly to?: string | undefined
  readonly state?: MailState | undefined
}

/** One page of the outbox, newest first, and one row more when there is another page. */
export function listMails(db: Database, { to, state }: MailFilter, { limit, after }: PageRequest) {
  return db
    .select(viewColumns)
    .from(mailOutbox)
    .where(and(equals(recipient, to), state && HAS_STATE[state], after ? lt(id, after) : undefined))
    .orderBy(desc(id))
    .limit(limit + 1)
}

export async function findMail(db: Database, mailId: string) {
  const [row] = await db.select(viewColumns).from(mailOutbox).where(eq(id, mailId))
  return row
}

/** Whether an email still waits: only then is its text there. */
export const isWaiting = (mailId: string) =>
  sql`exists (select 1 from mail_outbox where id = ${mailId}::uuid and next_attempt_at is not null)`

/** Makes an email that waits due, from the first attempt on. */
export function restartMail(db: Database, mailId: string, at: Date) {
  return db
    .update(mailOutbox)
    .set({ attempts: 0, nextAttemptAt: at, error: null })
    .where(and(eq(id, mailId), isNotNull(nextAttemptAt)))
}
