import type { Sql } from '../../db/client.ts'
import { errorFields, log } from '../../lib/log.ts'
import { csvRecord } from './csv.ts'
import { type DailyPlace, listDailyColumns, listDailySums } from './daily-sums.ts'
import { listColumns, listEvents, type Place } from './events.ts'
import type { Span } from './span.ts'

/**
 * Rows per statement: the isolate holds this many at a time, whatever the file's size. The limits of the fields bound a
 * row to about 7 kB, so a page is at most about 6 MB and takes less than 20 MB of memory.
 */
const PAGE_ROWS = 800

export const EXPORTS = ['events', 'daily'] as const
type Export = (typeof EXPORTS)[number]

/** Rows of a file, page by page. Each page except the last has the position of the next. */
type Page<P> = { readonly rows: readonly (readonly unknown[])[]; readonly next: P | undefined }

interface Exported {
  readonly organizationId: string
  readonly what: Export
  readonly span: Span
  /** Set for the operator, who combines files of several organizations; null if the organization has none. */
  readonly externalId?: string | null
  /** Whether the operator reads it, who sees what providers charge. */
  readonly seesCosts?: boolean
}

/**
 * A CSV file that is written while it is read: the next page is queried when the client has consumed the last one. With an
 * external id, each row has one more column.
 */
export function exportUsage(
  sql: Sql,
  { organizationId, what, span, externalId, seesCosts = false }: Exported,
): ReadableStream<Uint8Array> {
  const [names, values] = externalId === undefined ? [[], []] : [['external_id'], [externalId]]
  if (what === 'daily') {
    const columns = listDailyColumns(seesCosts)
    return csvStream([...columns, ...names], async (after: DailyPlace | undefined) => {
      const rows = await listDailySums(sql, organizationId, { span, after, limit: PAGE_ROWS, seesCosts })
      const last = rows.length === PAGE_ROWS ? rows.at(-1) : undefined
      return { rows: rows.map((row) => columns.map((name): unknown => row[name]).concat(values)), next: last }
    })
  }
  const columns = listColumns(seesCosts).filter((name) => name !== 'correction')
  return csvStream([...columns, ...names], async (after: Place | undefined) => {
    const rows = await listEvents(sql, organizationId, { span, filter: {}, after, limit: PAGE_ROWS, seesCosts })
    const last = rows.length === PAGE_ROWS ? rows.at(-1) : undefined
    return {
      rows: rows.map((row) => columns.map((name): unknown => row[name]).concat(values)),
      next: last && { occurredAt: last.occurred_at, id: last.id },
    }
  })
}

/** @returns null for an organization that has none or does not exist */
export async function findExternalId(sql: Sql, organizationId: string): Promise<string | null> {
  const [row] = await sql.query('select external_id from organizations where id = $1', [organizationId])
  return row?.external_id ?? null
}

function rethrow(error: unknown): never {
  log('error', 'export_broken', errorFields(error))
  throw error
}

/** A page that cannot be read breaks the transfer, so that a client does not mistake half a file for a complete one. */
function csvStream<P>(columns: readonly string[], read: (after: P | undefined) => Promise<Page<P>>) {
  const encoder = new TextEncoder()
  let next: P | undefined
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(csvRecord(columns))),
      async pull(controller) {
        const page = await read(next).catch(rethrow)
        if (page.rows.length > 0) controller.enqueue(encoder.encode(page.rows.map(csvRecord).join('')))
        next = page.next
        if (next === undefined) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}
