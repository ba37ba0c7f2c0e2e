import { log } from '../../src/lib/log.ts'
import { openScriptFronts } from '../stack/fronts.ts'
import { through } from '../support/connect.ts'
import { listMigrations, migrateUp } from '../support/migrations.ts'
import { seedFoundation } from '../support/seed-data.ts'

/**
 * Makes sure that the database has the schema that this version expects.
 *
 * @param isAllowed whether pending migrations may be applied; then plans and platform organization are created as well
 * @throws Error that names pending migrations if not allowed, or what failed; also if the database is of a newer version
 */
export async function ensureSchema(databaseUrl: string, isAllowed: boolean): Promise<void> {
  const front = await openScriptFronts(databaseUrl)
  try {
    const { sql } = through(front.url, front.endpoint)
    if (isAllowed) {
      await migrateUp(sql, undefined, (migration) => log('info', 'migrated', { migration }))
      await seedFoundation(sql)
      return
    }
    const pending = (await listMigrations(sql)).filter(({ appliedAt }) => !appliedAt).map(({ name }) => name)
    if (pending.length === 0) return
    const names = pending.length > 3 ? `${pending.slice(0, 3).join(', ')}, …` : pending.join(', ')
    throw new Error(
      `The database lacks ${pending.length} migrations: ${names}. Start with --migrate, or run: npm run migrate -- up`,
    )
  } finally {
    await front.close()
  }
}
