import { and, desc, eq, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { mailOutbox } from '../../db/schema/mail.ts'
import { type PageRequest } from '../../http/paging.ts'
import { equals } from '../filter.ts'

const { id, recipient, subject, attempts, nextAttemptAt, sentAt, error, createdAt } = mailOutbox
/** Never the text: it may contain a link that signs somebody in. */
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

/** Selects one page of the outbox, newest first, plus one row if there is another page. */
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

/** Whether an email is still waiting: only then is its text still stored. */
export const isWaiting = (mailId: string) =>
  sql`exists (select 1 from mail_outbox where id = ${mailId}::uuid and next_attempt_at is not null)`

/** Makes a waiting email due now, with all attempts again. */
export function restartMail(db: Database, mailId: string, at: Date) {
  return db
    .update(mailOutbox)
    .set({ attempts: 0, nextAttemptAt: at, error: null })
    .where(and(eq(id, mailId), isNotNull(nextAttemptAt)))
}
