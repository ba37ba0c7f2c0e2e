import type { Client } from 'pg'
import { VERIFICATION } from '../../src/metering/event.ts'
import { FUNCTIONS } from '../../src/metering/functions/names.ts'

const BATCHES = 200
const BATCH = 500
const ORGANIZATIONS = 500

/** Smaller layouts of the same events, each with the primary key and the block range index of `usage_events`. */
const LAYOUTS = [
  { name: 'as stored', columns: '*', key: 'organization_id, occurred_at, id' },
  {
    name: 'without the data behind the verdict',
    columns:
      'organization_id, occurred_at, id, key_id, environment, endpoint, method, status_code, ip, requests, ingested_at, api_calls, queries, input_tokens, output_tokens, cached_tokens, cache_write_tokens, audio_input_tokens, audio_output_tokens, provider, model, route',
    key: 'organization_id, occurred_at, id',
  },
  {
    name: 'and absent amounts as NULL',
    columns:
      'organization_id, occurred_at, id, key_id, environment, endpoint, method, status_code, ip, requests, ingested_at, api_calls',
    key: 'organization_id, occurred_at, id',
  },
  {
    name: 'and ids as 16 bytes',
    columns:
      'organization_id, occurred_at, id::uuid, key_id, environment, endpoint, method, status_code, ip, requests, ingested_at, api_calls',
    key: 'organization_id, occurred_at, id',
  },
  {
    name: 'and numbers instead of texts, organizations and keys',
    columns:
      'hashtext(organization_id::text) as organization_id, occurred_at, id::uuid, hashtext(key_id::text) as key_id, hashtext(endpoint) as endpoint, 1::smallint as method, status_code, requests, ingested_at, api_calls',
    key: 'organization_id, occurred_at, id',
  },
]

/**
 * Prints how many bytes a stored verification takes, with indexes, and how many it would in smaller layouts. It writes
 * 100,000 verifications of 500 organizations, whose plan limits three meters, in the order of their times.
 */
export async function printEventBytes(client: Client): Promise<void> {
  for (let batch = 0; batch < BATCHES; batch++)
    await client.query(`select * from ${FUNCTIONS.recordVerifications}($1)`, [JSON.stringify(createBatch(batch))])
  console.log('| layout | row | primary key | together |\n|---|--:|--:|--:|')
  for (const [index, { name, columns, key }] of LAYOUTS.entries()) {
    const table = `layout_${index}`
    await client.query(`create table ${table} as select ${columns} from usage_events order by occurred_at`)
    const { rows } = await client.query<{ count: number; row: number }>(
      `select (select count(*) from ${table})::float8 as count, pg_table_size('${table}')::float8 as row`,
    )
    const indexBytes = await measureIndex(client, table, key)
    const { count, row } = rows[0] as { count: number; row: number }
    const figures = [row / count, indexBytes / count, (row + indexBytes) / count]
    console.log(`| ${name} | ${figures.map(Math.round).join(' | ')} |`)
  }
}

/** Fills an index as it grows in use: row by row, so that its pages split. */
async function measureIndex(client: Client, table: string, key: string): Promise<number> {
  await client.query(`create table ${table}_key as select ${key} from ${table} limit 0`)
  await client.query(`create unique index ${table}_index on ${table}_key (${key})`)
  await client.query(`insert into ${table}_key select ${key} from ${table}`)
  const { rows } = await client.query<{ bytes: number }>(`select pg_relation_size('${table}_index')::float8 as bytes`)
  return rows[0]?.bytes ?? Number.NaN
}

const START = Date.parse('2026-11-01T00:00:00Z')
const ENDPOINTS = ['/v1/chat/completions', '/v1/embeddings', '/v1/models/{id}']
const uuid = (group: string, index: number) => `01990000-0000-7000-${group}-${String(index).padStart(12, '0')}`

const createBatch = (batch: number) => Array.from({ length: BATCH }, (_, at) => createEvent(batch * BATCH + at))

function createEvent(index: number) {
  const organization = (index * 7_919) % ORGANIZATIONS
  const key = organization * 3 + (index % 3)
  return {
    id: crypto.randomUUID(),
    source: VERIFICATION,
    lane: 0,
    organization_id: uuid('9000', organization),
    occurred_at: new Date(START + index * 9).toISOString(),
    key_id: uuid('a000', key),
    environment: 'live',
    endpoint: ENDPOINTS[index % ENDPOINTS.length],
    method: 'POST',
    status_code: 200,
    api_calls: 1,
    ip: '192.0.2.101',
    trace: {
      plan: 'pro',
      versions: [3, 1],
      service: uuid('b000', 1),
      windows: { ratelimit: [600, index % 600, '2026-11-01T00:01:00.000Z'] },
      quotas: { api_calls: [5_000_000, index, 0], queries: [100_000, 0, 0], tokens: [100_000_000, index * 90, 0] },
    },
  }
}
