import { sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import type { ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import type { BillingProvider } from '../providers/provider.ts'

/** Pages that one run reads, of 100 rows each: Cloudflare limits the subrequests of an invocation. */
export const MAX_PAGES = 200

/** A list at a provider that may be too long for one run. */
interface LongList {
  readonly provider: BillingProvider
  readonly list: 'subscriptions' | 'payments'
}

const toTask = ({ provider, list }: LongList) => `compare ${list} of ${provider.name}`

/** @returns the page at which the last run stopped; undefined if it reached the end */
async function readCursor(db: Database, of: LongList): Promise<string | undefined> {
  const { rows } = await db.execute<{ position: string }>(
    sql`select position from retention_progress where task = ${toTask(of)}`,
  )
  return rows[0]?.position || undefined
}

/** Stores where the next run continues. @param cursor undefined for the beginning */
async function keepCursor({ db }: ManagementDeps, of: LongList, cursor: string | undefined): Promise<void> {
  await db.execute(sql`
    insert into retention_progress (task, position, updated_at) values (${toTask(of)}, ${cursor ?? ''}, now())
    on conflict (task) do update set position = excluded.position, updated_at = now()`)
  if (cursor !== undefined) noteNotWhole(of)
}

export function noteNotWhole({ provider, list }: LongList): void {
  log('warn', 'billing_not_compared_whole', { provider: provider.name, list, pages: MAX_PAGES })
}

/**
 * Runs a comparison from where the last one stopped. If it fails, the next one starts from the beginning: the page may
 * no longer exist.
 */
export async function continueComparing<T extends { readonly next: string | undefined }>(
  deps: ManagementDeps,
  of: LongList,
  compare: (cursor: string | undefined) => Promise<T>,
): Promise<T> {
  const cursor = await readCursor(deps.db, of)
  const done = await compare(cursor).catch(async (error: unknown) => {
    if (cursor !== undefined) await keepCursor(deps, of, undefined)
    throw error
  })
  if (cursor !== undefined || done.next !== undefined) {
    await keepCursor(deps, of, done.next).catch((error: unknown) =>
      log('warn', 'billing_progress_not_kept', { list: of.list, provider: of.provider.name, ...errorFields(error) }),
    )
  }
  return done
}
