import type { Sql } from '../../src/db/client.ts'
import { log } from '../../src/lib/log.ts'
import { openScriptFronts } from '../stack/fronts.ts'
import { through } from '../support/connect.ts'
import { compareSchema, migrateUp } from '../support/migrations.ts'
import { seedFoundation } from '../support/seed-data.ts'

/** As {@link requireSchema}, for the address of a database. */
export async function ensureSchema(databaseUrl: string, isAllowed: boolean): Promise<void> {
  const front = await openScriptFronts(databaseUrl)
  try {
    await requireSchema(through(front.url, front.endpoint).sql, isAllowed)
  } finally {
    await front.close()
  }
}

/**
 * Makes sure that the database has every migration that this version expects. Those of a newer version only give a warning:
 * after a rollback this version works with them.
 *
 * @param isAllowed whether pending migrations may be applied; then plans and platform organization are created as well
 * @throws Error that names pending migrations if not allowed, or what failed; also if some are pending in a database of a newer version
 */
export async function requireSchema(sql: Sql, isAllowed: boolean): Promise<void> {
  const { migrations, unknown } = await compareSchema(sql)
  if (unknown.length > 0) log('warn', 'schema_ahead', { migrations: unknown })
  if (isAllowed) {
    await migrateUp(sql, undefined, (migration) => log('info', 'migrated', { migration }))
    await seedFoundation(sql)
    return
  }
  const pending = migrations.filter(({ appliedAt }) => !appliedAt).map(({ name }) => name)
  if (pending.length === 0) return
  const names = pending.length > 3 ? `${pending.slice(0, 3).join(', ')}, …` : pending.join(', ')
  throw new Error(
    `The database lacks ${pending.length} migrations: ${names}. Start with --migrate, or run: npm run migrate -- up`,
  )
}
