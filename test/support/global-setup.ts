import { openAsBlob } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startStack } from '../../local/stack/stack.ts'
import { through } from '../../local/support/connect.ts'
import { migrateUp } from '../../local/support/migrations.ts'
import { seedDemo } from '../../local/support/seed-data.ts'
import { emptyCluster, migratedCluster } from './clusters.ts'
import { forgetLimits } from './forget-limits.ts'
import { quietRuntime } from './quiet-runtime.ts'
import { scratchDatabase } from './scratch-database.ts'

/**
 * One local stack for the whole run, with PGlite and Valkey inside, or over DATABASE_URL and REDIS_URL when they are set.
 * Tests do not share organizations, so they need no stack of their own.
 */
export default async function setup(project: TestProject) {
  const { TEST_STACK_PORT, DATABASE_URL, REDIS_URL } = process.env
  const endQuiet = quietRuntime()
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-test-'))
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled') // many tests run scripts, each in a process of its own
  process.env.PGLITE_SNAPSHOT = await emptyCluster()
  const scratch = DATABASE_URL ? await scratchDatabase(DATABASE_URL) : undefined
  if (REDIS_URL) await forgetLimits(REDIS_URL)
  const stack = await startStack({
    port: Number(TEST_STACK_PORT),
    redisToken: 'test-redis-token',
    ...(scratch ? { databaseUrl: scratch.url } : { cluster: await openAsBlob(await migratedCluster()) }),
    ...(REDIS_URL && { redisUrl: REDIS_URL }),
  })
  const { sql } = through('postgresql://postgres:local@localhost/postgres', `${stack.url}/sql`)
  await migrateUp(sql, undefined, () => undefined)
  project.provide('credentials', await seedDemo(sql, {}))
  project.provide('histories', { seed: numberIn('HISTORY_SEED'), ms: numberIn('HISTORY_MS') })
  return async function teardown() {
    const withheld = endQuiet()
    if (process.env.RUNTIME_LOG) await writeFile(process.env.RUNTIME_LOG, withheld.join('\n'))
    await stack.close()
    await scratch?.drop()
    await rm(folder, { recursive: true, maxRetries: 20 }) // a script that was just killed may still write to its cache
  }
}

const numberIn = (name: string) => (process.env[name] ? Number(process.env[name]) : undefined)
