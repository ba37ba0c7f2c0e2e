import { type NeonDbError, type NeonQueryFunction, neon } from '@neondatabase/serverless'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Stack } from '../../../local/stack/stack.ts'
import { connectNeon, openStack, uniqueName } from './support.ts'

const schema = uniqueName()
let stack: Stack
let sql: NeonQueryFunction<false, false>

beforeAll(async () => {
  stack = await openStack()
  sql = connectNeon(stack)
  await sql.query(`create schema ${schema}`)
  await sql.query(`create table ${schema}.plans (id int primary key, name text constraint plans_name_key unique)`)
  await sql.query(`create table ${schema}.keys (plan_id int constraint keys_plan_fkey references ${schema}.plans)`)
})

beforeEach(() => sql.query(`truncate ${schema}.plans, ${schema}.keys`))

afterAll(async () => {
  await sql.query(`drop schema ${schema} cascade`)
  await stack.close()
})

const insertPlan = (id: number, name: string) => sql.query(`insert into ${schema}.plans values ($1, $2)`, [id, name])
const refused = (query: Promise<unknown>): Promise<NeonDbError> =>
  query.then(
    () => expect.unreachable(),
    (error) => error,
  )

async function planIds(): Promise<number[]> {
  return (await sql.query(`select id from ${schema}.plans order by id`)).map((row) => row.id)
}

test('every type is returned as the driver reads it from Neon', async () => {
  const id = '0192f3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d'
  const at = new Date('2026-11-21T10:11:12.345Z')
  const [row] =
    await sql`select ${id}::uuid as uuid, ${{ a: [1, null] }}::jsonb as jsonb, ${'12.50'}::numeric as numeric,
    ${Buffer.from([0, 255, 92])}::bytea as bytea, ${[1, 2]}::int[] as ints, ${['a,b', 'c"d', null]}::text[] as texts,
    ${at}::timestamptz as at, ${null}::text as nothing, ${true}::boolean as yes, ${false}::boolean as no,
    ${'9007199254740993'}::int8 as int8, ${1.5}::float8 as float8`

  expect(row).toEqual({
    uuid: id,
    jsonb: { a: [1, null] },
    numeric: '12.50',
    bytea: Buffer.from([0, 255, 92]),
    ints: [1, 2],
    texts: ['a,b', 'c"d', null],
    at,
    nothing: null,
    yes: true,
    no: false,
    int8: '9007199254740993',
    float8: 1.5,
  })
})

test('text keeps Unicode, quotes, backslashes, line ends and emptiness', async () => {
  const texts = ['O\'Brien "x"', 'C:\\dir\\', 'line\r\nline\ttab', 'ñ 漢字 😀 \u200b', '', "'; drop table x; --"]
  const [row] = await sql`select ${texts}::text[] as texts, ${texts[3]}::text as one`

  expect(row).toEqual({ texts, one: texts[3] })
})

test('sessions are in UTC, as at Neon', async () => {
  expect(await sql`show timezone`).toEqual([{ TimeZone: 'UTC' }])
})

test('a unique violation names its SQLSTATE, constraint, table, schema and detail', async () => {
  await insertPlan(1, 'free')

  expect(await refused(insertPlan(2, 'free'))).toMatchObject({
    name: 'NeonDbError',
    severity: 'ERROR',
    code: '23505',
    constraint: 'plans_name_key',
    table: 'plans',
    schema,
    detail: 'Key (name)=(free) already exists.',
  })
})

test('a foreign key violation names its constraint', async () => {
  const error = await refused(sql.query(`insert into ${schema}.keys values (7)`))

  expect(error).toMatchObject({ code: '23503', constraint: 'keys_plan_fkey', table: 'keys' })
})

test('a syntax error names its position', async () => {
  expect(await refused(sql`selec 1`)).toMatchObject({ code: '42601', position: '1' })
})

test('a failed statement leaves the next one alone', async () => {
  await refused(sql`select 1 / 0`)

  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
})

test('a repeated statement returns the current columns of a changed table', async () => {
  await sql.query(`create table ${schema}.growing as select 1 as first`)
  const read = () => sql.query(`select * from ${schema}.growing`)
  for (let times = 0; times < 3; times++) expect(await read()).toEqual([{ first: 1 }])
  await sql.query(`alter table ${schema}.growing add column second int default 2`)
  expect(await read()).toEqual([{ first: 1, second: 2 }])
})

test('a statement that fails each time returns the same error each time', async () => {
  for (let times = 0; times < 3; times++) {
    expect(await refused(sql.query('select nothing from nowhere'))).toMatchObject({ code: '42P01' })
    expect(await refused(sql.query('select 1 / $1::int', [0]))).toMatchObject({ code: '22012' })
  }
  expect(await sql.query('select 1 / $1::int as one', [1])).toEqual([{ one: 1 }])
})

test('several commands in one statement are refused, with parameters and without', async () => {
  expect(await refused(sql.query('select 1; select 2'))).toMatchObject({ code: '42601' })
  expect(await refused(sql.query('select $1::int; select 2', [1]))).toMatchObject({ code: '42601' })
})

test('too few parameters are an error', async () => {
  expect(await refused(sql.query('select $1::int, $2::int', [1]))).toMatchObject({ code: '08P01' })
})

test('a batch is one transaction', async () => {
  const [first, second] = await sql.transaction([
    sql`select pg_current_xact_id()::text as id`,
    sql`select pg_current_xact_id()::text as id`,
  ])

  expect(first).toEqual(second)
})

test('a batch with an error in it changes nothing', async () => {
  const error = await refused(sql.transaction([insertPlan(1, 'free'), insertPlan(2, 'pro'), insertPlan(3, 'free')]))

  expect(error).toMatchObject({ code: '23505' })
  expect(await planIds()).toEqual([])
})

test('a constraint that is checked at commit fails the batch', async () => {
  await sql.query(`create table ${schema}.pairs (id int unique deferrable initially deferred)`)
  const insertPair = () => sql.query(`insert into ${schema}.pairs values (1)`)

  expect(await refused(sql.transaction([insertPair(), insertPair()]))).toMatchObject({ code: '23505' })
  expect(await sql.query(`select * from ${schema}.pairs`)).toEqual([])
})

test.for([
  ['ReadUncommitted', 'read uncommitted'],
  ['ReadCommitted', 'read committed'],
  ['RepeatableRead', 'repeatable read'],
  ['Serializable', 'serializable'],
] as const)('a batch requested to be %s is %s', async ([isolationLevel, shown]) => {
  const [rows] = await sql.transaction([sql`show transaction_isolation`], { isolationLevel })

  expect(rows).toEqual([{ transaction_isolation: shown }])
})

test('a read-only batch cannot write, and the statement after it can', async () => {
  expect(await refused(sql.transaction([insertPlan(1, 'free')], { readOnly: true }))).toMatchObject({ code: '25006' })

  await insertPlan(1, 'free')
  expect(await planIds()).toEqual([1])
})

test('a batch can be deferrable', async () => {
  const options = { isolationLevel: 'Serializable', readOnly: true, deferrable: true } as const
  const [rows] = await sql.transaction([sql`show transaction_deferrable`], options)

  expect(rows).toEqual([{ transaction_deferrable: 'on' }])
})

test('a transaction that a statement opens ends with its request', async () => {
  await sql`begin isolation level serializable`
  await insertPlan(1, 'free')
  await sql`rollback`

  expect(await planIds()).toEqual([1])
  expect(await sql`show transaction_isolation`).toEqual([{ transaction_isolation: 'read committed' }])
})

test('array mode and full results return columns, command and count', async () => {
  const full = neon('postgresql://user:password@localhost/tollgate', { arrayMode: true, fullResults: true })
  const query = `insert into ${schema}.plans values (1, 'free'), (2, 'pro') returning id, name`
  const result = await full.query(query)

  expect(result).toMatchObject({ command: 'INSERT', rowCount: 2, rowAsArray: true })
  expect(result.rows).toEqual([
    [1, 'free'],
    [2, 'pro'],
  ])
  expect(result.fields).toMatchObject([
    { name: 'id', dataTypeID: 23, columnID: 1 },
    { name: 'name', dataTypeID: 25 },
  ])
})

test('a count is null for a command that counts nothing, and zero for one that found nothing', async () => {
  const full = neon('postgresql://user:password@localhost/tollgate', { fullResults: true })
  const created = await full.query(`create table ${schema}.empty ()`)
  const deleted = await full.query(`delete from ${schema}.plans`)

  expect(created).toMatchObject({ command: 'CREATE', rowCount: null, rows: [] })
  expect(deleted).toMatchObject({ command: 'DELETE', rowCount: 0 })
})

test('fifty concurrent requests each get their own response', async () => {
  const numbers = Array.from({ length: 50 }, (_, index) => index)
  const answers = await Promise.all(numbers.map((number) => sql`select ${number}::int as number`))

  expect(answers.flat().map((row) => row.number)).toEqual(numbers)
})

test('fifty concurrent batches do not mix', async () => {
  const bump = `update ${schema}.plans set name = (name::int + 1)::text where id = 1`
  await insertPlan(1, '0')
  await Promise.all(Array.from({ length: 50 }, () => sql.transaction([sql.query(bump), sql.query(bump)])))

  expect(await sql.query(`select name from ${schema}.plans`)).toEqual([{ name: '100' }])
})

test.for(['copy', '-- a comment\n copy', 'LISTEN'])('%s is refused by name', async (start) => {
  const error = await refused(sql.query(`${start} plans`))

  expect(error).toMatchObject({ code: '0A000', message: expect.stringMatching(/^(COPY|LISTEN) does not work/) })
})

test('a body of another shape is refused with an explanation', async () => {
  const headers = { 'Neon-Connection-String': 'x', 'Neon-Raw-Text-Output': 'true', 'Neon-Array-Mode': 'true' }
  const answer = await fetch(`${stack.url}/sql`, { method: 'POST', headers, body: '{"query":1}' })

  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({ message: expect.stringContaining('{ query, params } or { queries }') })
})

test('a request that a web page could have sent is refused', async () => {
  const answer = await fetch(`${stack.url}/sql`, { method: 'POST', body: '{"query":"select 1"}' })

  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({ message: 'The header Neon-Connection-String is missing' })
})
