import { directly } from './direct.ts'

/** The row of the one email to an address. */
export async function rowOf(recipient: string) {
  const [row] = await directly().sql.query(
    `select id, text, html, attempts, error, next_attempt_at, sent_at from mail_outbox where recipient = $1`,
    [recipient],
  )
  return row as Record<string, any>
}

/** The emails to these addresses, to which a run of the job can be limited. */
export async function idsOf(...recipients: string[]): Promise<string[]> {
  const rows = await directly().sql.query('select id from mail_outbox where recipient = any($1)', [recipients])
  return rows.map(({ id }) => id)
}
