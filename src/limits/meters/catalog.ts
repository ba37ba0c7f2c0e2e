import type { Sql } from '../../db/client.ts'
import type { Deps } from '../../deps.ts'

/** A custom meter as the operator defined it. */
export interface DefinedMeter {
  readonly slug: string
  readonly name: string
  readonly unit: string
  readonly kind: 'counter' | 'gauge'
  readonly scale: number
}

/** All custom meters, by slug, in the order in which they were defined. */
export type MeterCatalog = Readonly<Record<string, DefinedMeter>>

/** A meter that is missing here is looked up again, so the age matters only for deleted ones. */
const MAX_AGE_MS = 25_000

let known: { readonly meters: MeterCatalog; readonly loadedAt: number } | undefined

const SELECT = 'select slug, name, unit, kind, scale from meters where not is_builtin order by created_at, slug'

/** Reads the catalog. @throws Problem `unavailable` when the database does not respond */
export async function readMeters(sql: Sql): Promise<MeterCatalog> {
  const rows = (await sql.query(SELECT)) as DefinedMeter[]
  return Object.fromEntries(rows.map((row) => [row.slug, row]))
}

/**
 * Finds the catalog in this isolate's memory, or reads it if it is old or lacks one of the slugs.
 *
 * @throws Problem `unavailable` when it has to be read and the database does not respond
 */
export async function findMeters(deps: Deps, slugs: Iterable<string>): Promise<MeterCatalog> {
  const now = deps.now()
  const { meters, loadedAt } = known ?? { meters: {}, loadedAt: Number.NEGATIVE_INFINITY }
  const isOld = now - loadedAt >= MAX_AGE_MS || now < loadedAt
  if (!isOld && [...slugs].every((slug) => Object.hasOwn(meters, slug))) return meters
  known = { meters: await readMeters(deps.sql), loadedAt: now }
  return known.meters
}
