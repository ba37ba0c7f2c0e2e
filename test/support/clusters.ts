/** What embedded databases of tests begin with: many tests start one of their own, and making a cluster takes longer than most of them. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openPglite } from '../../local/stack/pglite.ts'
import { startStack } from '../../local/stack/stack.ts'
import { through } from '../../local/support/connect.ts'
import { migrateUp } from '../../local/support/migrations.ts'

const PACKAGES = fileURLToPath(new URL('../../node_modules/', import.meta.url))
const MIGRATIONS = fileURLToPath(new URL('../../migrations/', import.meta.url))
const DAY_MS = 86_400_000
const KEPT = join(PACKAGES, '.cache', 'tollgate')

/** @returns the file of a cluster with nothing in it, which an earlier run may have left: it depends on PGlite's version alone */
export async function emptyCluster(): Promise<string> {
  const file = join(KEPT, `cluster-${await versionOfPglite()}.tar`)
  if (existsSync(file)) return file
  const { dump, close } = await openPglite()
  if (dump) await keepCluster(dump, file)
  await close()
  return file
}

/**
 * @returns the file of a cluster that has all migrations. One of an earlier run serves on the same day, since migrations make
 *   partitions for the days around it, and with the same migrations
 */
export async function migratedCluster(): Promise<string> {
  const file = join(KEPT, `migrated-${await versionOfPglite()}-${await fingerprintOfMigrations()}.tar`)
  if (existsSync(file)) return file
  const stack = await startStack({ port: 0, redisToken: 'any' })
  const { sql } = through('postgresql://postgres:local@migrated/postgres', `${stack.url}/sql`)
  await migrateUp(sql, undefined, () => undefined)
  if (stack.dump) await keepCluster(stack.dump, file)
  await stack.close()
  await forgetOldOnes()
  return file
}

/** Writes it whole or not at all, also where two runs do so at once. */
async function keepCluster(dump: () => Promise<Blob>, file: string): Promise<void> {
  const own = `${file}.${process.pid}`
  await mkdir(KEPT, { recursive: true })
  await writeFile(own, (await dump()).stream())
  await rename(own, file)
}

/** Those of other days, which no run reads any more. */
async function forgetOldOnes(): Promise<void> {
  const kept = (await readdir(KEPT)).filter((name) => name.startsWith('migrated-')).map((name) => join(KEPT, name))
  for (const file of kept) {
    const { mtimeMs } = await stat(file)
    if (Date.now() - mtimeMs > DAY_MS) await rm(file, { force: true })
  }
}

async function versionOfPglite(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(PACKAGES, '@electric-sql/pglite/package.json'), 'utf8'))
  return version
}

async function fingerprintOfMigrations(): Promise<string> {
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).toSorted()
  const texts = await Promise.all(names.map((name) => readFile(join(MIGRATIONS, name), 'utf8')))
  const today = new Date().toISOString().slice(0, 10)
  return createHash('sha256')
    .update(JSON.stringify([today, names, texts]))
    .digest('hex')
    .slice(0, 16)
}
