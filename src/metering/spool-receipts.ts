/**
 * Receipts detect the loss of the spool. Postgres does not respond when events are spooled, so the isolate that spools a
 * batch remembers it and writes a receipt as soon as Postgres accepts writes again. The job marks the batches it has
 * drained. If the spool is empty, an undrained receipt belongs to a batch that Redis lost.
 */
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'

/** Batches that an isolate remembers: more than it spools in an hour. */
const MAX_PENDING = 20_000
/** Receipts per statement, and per run of the job. */
const BATCH_ROWS = 500
const MAX_CHECKED = 10_000
/** Organizations whose ids are logged. The log entry counts all of them. */
const MAX_NAMED = 20

/** A batch whose receipt Redis confirmed. */
interface Receipt {
  readonly id: string
  readonly events: number
  /** The owners of its events: organizations, or keys if only those are known yet. */
  readonly organizations: readonly string[]
}

const pending = new Map<string, Receipt>()

/** Keeps a receipt in the isolate's memory while Postgres does not respond. */
export function rememberSpooled(receipt: Receipt): void {
  if (pending.size < MAX_PENDING) pending.set(receipt.id, receipt)
  else log('warn', 'usage_spool_unwatched', { events: receipt.events })
}

const STORE = `
insert into usage_spool_receipts (id, events, organizations)
select id, events, organizations from jsonb_to_recordset($1::jsonb) as receipt(id uuid, events int, organizations jsonb)
order by id
on conflict (id) do update set events = excluded.events, organizations = excluded.organizations`

/** Whether the isolate has receipts that are not in Postgres yet. */
export const hasReceipts = () => pending.size > 0

/** Writes the isolate's receipts to Postgres. Failed ones are retried after the next write. */
export async function storeReceipts(deps: Deps): Promise<void> {
  const receipts = [...pending.values()]
  try {
    for (let from = 0; from < receipts.length; from += BATCH_ROWS) {
      const some = receipts.slice(from, from + BATCH_ROWS)
      await deps.sql.query(STORE, [JSON.stringify(some)])
      for (const { id } of some) pending.delete(id)
    }
  } catch (error) {
    log('warn', 'usage_receipts_not_stored', { count: pending.size, ...errorFields(error) })
  }
}

const MARK = `
insert into usage_spool_receipts (id, drained_at) select id, now() from unnest($1::uuid[]) as id order by id
on conflict (id) do update set drained_at = excluded.drained_at`

/** Marks batches as written, before they leave the spool. */
export async function markDrained(deps: Deps, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await deps.sql.query(MARK, [ids])
}

/** @returns receipts of batches that are not drained yet; none while Postgres does not respond */
export async function listUndrained(deps: Deps): Promise<string[]> {
  try {
    const rows = await deps.sql.query(
      `select id from usage_spool_receipts where drained_at is null order by id limit ${MAX_CHECKED}`,
    )
    return rows.map(({ id }) => String(id))
  } catch (error) {
    log('warn', 'usage_receipts_not_read', errorFields(error))
    return []
  }
}

const TAKE_LOST = `
delete from usage_spool_receipts where id = any($1::uuid[]) and drained_at is null returning events, organizations`

/**
 * Logs each lost batch once.
 *
 * @param undrained receipts that were listed before the spool was found empty. A batch is marked as drained before it
 *   leaves the spool, so a batch that is still unmarked was in neither
 */
export async function reportLost(deps: Deps, undrained: readonly string[]): Promise<void> {
  if (undrained.length === 0) return
  const lost = (await deps.sql.query(TAKE_LOST, [undrained])) as Pick<Receipt, 'events' | 'organizations'>[]
  if (lost.length === 0) return
  const organizations = [...new Set(lost.flatMap((one) => one.organizations))]
  log('error', 'usage_spool_lost', {
    events: lost.reduce((sum, one) => sum + one.events, 0),
    organizations: organizations.length,
    organization_ids: organizations.slice(0, MAX_NAMED),
  })
}
