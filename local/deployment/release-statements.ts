/** The two statements that every version runs all the time: they must also work with the schema of the next version. */
import type { Sql } from '../../src/db/client.ts'
import type { Deps } from '../../src/deps.ts'
import type { UsageEvent } from '../../src/metering/event.ts'
import { writeUsage } from '../../src/metering/write.ts'
import { selectKey } from '../../src/verification/key-record.ts'

/** The subjects of the statements: rows that a test creates. */
export const OF_RELEASE = {
  organizationId: '01900000-0000-7000-8000-00000000000a',
  keyId: '01900000-0000-7000-8000-00000000000b',
  /** SHA-256 of the key, in hex. */
  keyHash: 'ab'.repeat(32),
} as const

/** A placeholder in parameters for the time at which a statement runs. */
export const NOW = '2000-01-01T00:00:00.000Z'

export interface Statement {
  readonly query: string
  readonly params: readonly string[]
}

export interface Release {
  readonly version: string
  readonly verification: Statement
  readonly write: Statement
}

/** The statements of the current sources. */
export async function captureStatements(version: string): Promise<Release> {
  const { organizationId, keyId, keyHash } = OF_RELEASE
  const event: UsageEvent = {
    id: '01900000-0000-7000-8000-00000000000c',
    organization_id: organizationId,
    key_id: keyId,
    occurred_at: NOW,
    environment: 'live',
    endpoint: '/v1/answers',
    method: 'GET',
    status_code: 200,
    requests: 1,
    api_calls: 1,
  }
  return {
    version,
    verification: await capture((deps) => selectKey(deps, keyHash, Date.parse(NOW))),
    write: await capture((deps) => writeUsage(deps, [event])),
  }
}

/** Runs something up to its first statement. */
async function capture(run: (deps: Deps) => Promise<unknown>): Promise<Statement> {
  let statement: Statement | undefined
  const sql = {
    query(query: string, params: readonly string[]) {
      statement = { query, params }
      throw new Error('Captured.')
    },
  } as unknown as Sql
  await run({ sql } as Deps).catch(() => undefined)
  if (!statement) throw new Error('It ran no statement.')
  return statement
}
