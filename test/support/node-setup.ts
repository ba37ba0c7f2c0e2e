import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migratedCluster } from './clusters.ts'

/**
 * Once, where tests run that start servers of their own: a cluster that has the migrations, which PGLITE_MIGRATED names, and a
 * place for the Worker that the first of them builds (test/node/built-worker.ts).
 */
export default async function setup() {
  if (!process.env.DATABASE_URL) process.env.PGLITE_MIGRATED = await migratedCluster()
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-built-'))
  process.env.BUILT_WORKER = join(folder, 'worker')
  return () => rm(folder, { recursive: true })
}
