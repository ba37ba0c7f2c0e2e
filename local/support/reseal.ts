/** Seals the database's sealed values again, under the first of SECRET_KEYS. */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { describePurpose as describeSso } from '../../src/accounts/sso/connection.ts'
import { describePurpose as describeTotp } from '../../src/accounts/two-factor/totp-purpose.ts'
import type { Sql } from '../../src/db/client.ts'
import { describePurpose as describeWebhook } from '../../src/events/sign.ts'
import { describePurpose as describeHeader } from '../../src/gateway/secrets.ts'
import { base64url, fromBase64 } from '../../src/lib/bytes.ts'
import { isSealedByFirst, type RootSecrets, seal, unseal } from '../../src/lib/seal.ts'

/** A column of sealed bytes, and the purpose of a row's value. */
interface Place {
  readonly table: string
  readonly id: string
  readonly column: string
  purpose(id: string): string
}

const PLACES: readonly Place[] = [
  { table: 'totp_credentials', id: 'user_id', column: 'secret_encrypted', purpose: describeTotp },
  { table: 'sso_connections', id: 'organization_id', column: 'client_secret_encrypted', purpose: describeSso },
  { table: 'webhook_endpoints', id: 'id', column: 'secret', purpose: describeWebhook },
  { table: 'webhook_endpoints', id: 'id', column: 'previous_secret', purpose: describeWebhook },
]

export interface Progress {
  readonly place: string
  /** Rows looked at so far. */
  looked: number
  resealed: number
  /** Ids of rows that no secret opens. */
  readonly closed: string[]
}

interface Work {
  readonly sql: Sql
  readonly secrets: RootSecrets
  readonly batchRows: number
  /** Called after each batch. */
  tell(progress: Progress): void
}

/**
 * Goes through all rows in order of their ids. Values that the first secret sealed are skipped, so an interrupted run can be
 * continued, and two concurrent runs do no harm: a row is written only if it still has the value that was read.
 */
export async function reseal(work: Work): Promise<readonly Progress[]> {
  const done: Progress[] = []
  for (const place of PLACES) done.push(await resealColumn(work, place))
  return [...done, await resealHeaders(work)]
}

async function resealColumn(work: Work, { table, id, column, purpose }: Place): Promise<Progress> {
  const progress: Progress = { place: `${table}.${column}`, looked: 0, resealed: 0, closed: [] }
  const read = `select ${id} as id, encode(${column}, 'hex') as sealed from ${table}
    where ${column} is not null and ($1::uuid is null or ${id} > $1) order by ${id} limit ${work.batchRows}`
  const write = `update ${table} set ${column} = decode($3, 'hex') where ${id} = $1 and ${column} = decode($2, 'hex')`
  return inBatches(work, progress, read, async (row) => {
    const sealed = String(row.sealed)
    const again = await sealAgain(work.secrets, purpose(String(row.id)), hexToBytes(sealed))
    if (again) await work.sql.query(write, [row.id, sealed, bytesToHex(again)])
    return again !== undefined
  })
}

/** The headers of a route are one value: either all of them are sealed again, or none. */
async function resealHeaders(work: Work): Promise<Progress> {
  const progress: Progress = { place: 'gateway_routes.add_headers', looked: 0, resealed: 0, closed: [] }
  const read = `select id, add_headers from gateway_routes
    where ($1::uuid is null or id > $1) order by id limit ${work.batchRows}`
  const write = `update gateway_routes set add_headers = $3::jsonb where id = $1 and add_headers = $2::jsonb`
  return inBatches(work, progress, read, async (row) => {
    const headers = row.add_headers as Readonly<Record<string, { sealed?: string }>>
    let isChanged = false
    const entries = Object.entries(headers).map(async ([name, header]) => {
      if (header.sealed === undefined) return [name, header]
      const purpose = describeHeader({ id: String(row.id), name })
      const again = await sealAgain(work.secrets, purpose, fromBase64(header.sealed))
      isChanged ||= again !== undefined
      return [name, again ? { sealed: base64url(again) } : header]
    })
    const next = JSON.stringify(Object.fromEntries(await Promise.all(entries)))
    if (isChanged) await work.sql.query(write, [row.id, JSON.stringify(headers), next])
    return isChanged
  })
}

type Row = Readonly<Record<string, unknown>>

/** @param each returns whether the row was sealed again, and throws if no secret opens it */
async function inBatches(work: Work, progress: Progress, read: string, each: (row: Row) => Promise<boolean>) {
  let after: unknown = null
  for (;;) {
    const rows: Row[] = await work.sql.query(read, [after])
    for (const row of rows) {
      progress.looked += 1
      try {
        if (await each(row)) progress.resealed += 1
      } catch (error) {
        if (!(error instanceof Error && error.name === 'OperationError')) throw error
        progress.closed.push(String(row.id))
      }
    }
    work.tell(progress)
    after = rows.at(-1)?.id
    if (rows.length < work.batchRows) return progress
  }
}

/** @returns undefined if the first secret has sealed it. @throws OperationError if no secret opens it */
async function sealAgain(secrets: RootSecrets, purpose: string, sealed: Uint8Array): Promise<Uint8Array | undefined> {
  if (await isSealedByFirst(secrets, purpose, sealed)) return undefined
  return seal(secrets, purpose, await unseal(secrets, purpose, sealed))
}
