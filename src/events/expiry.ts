import { type SQL, sql } from 'drizzle-orm'
import { type Database, ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import { insertDeliveries } from './publish.ts'
import { insertStates, replaceStates } from './state.ts'
import { type Expired, type Happening, invitationsExpired, keysExpired, organizationsOfExpired } from './subjects.ts'

/**
 * A run looks back at least this far, unless it continues an unfinished one, because rows may be committed late. No
 * event is sent twice.
 */
const LOOK_BACK_MS = 3_600_000
/** Each run that covers the same span sends the state again. That is correct but redundant, so the span is short. */
const STATE_LOOK_BACK_MS = 120_000
/** After an outage, a run starts where the last one ended, but looks back at most this far. */
const MAX_LOOK_BACK_MS = 7 * 24 * 3_600_000
/** Rows per statement, so that it stays well within its timeout, however many rows expire at the same time. */
const BATCH_ROWS = 1_000
/** After this time, a run leaves the rest to the next one. */
export const RUN_MS = 20_000

/** What expires, or is about to. */
interface Kind {
  /** The name under which its position is stored. */
  readonly task: string
  /** Days before the expiry at which there is an event. 0 is the expiry itself. */
  readonly days: number
  readonly table: SQL
  readonly condition: SQL
  readonly happening: (batch: Expired) => Happening
  /** Whether the expiry changes the state of the organization. */
  readonly changesState: boolean
}

const keysIn = (days: number): Kind => ({
  task: `notifyRows expiry of keys, ${days} days`,
  days,
  table: sql`api_keys`,
  condition: sql`client_id is null`, // access tokens of applications expire every hour, without an event
  happening: (batch) => keysExpired(batch, days),
  changesState: days === 0,
})

const KINDS: readonly Kind[] = [
  keysIn(7),
  keysIn(1),
  keysIn(0),
  {
    task: 'tell expiry of invitations',
    days: 0,
    table: sql`invitations`,
    condition: sql`accepted_at is null and revoked_at is null`,
    happening: invitationsExpired,
    changesState: false,
  },
]

/** Where a run begins with a kind. */
interface Start {
  /** ISO 8601 with microseconds. The run begins with the rows of this time whose id is greater than `id`. */
  readonly time: string
  readonly id: string
  /** Unix milliseconds. The state is sent for expiries after this time. */
  readonly statesSince: number
}

/** Before every other id. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/**
 * Publishes events that only the passing of time causes: keys that expire soon or have expired, and expired invitations.
 * The position of each kind is stored after each batch, so that no event is lost in an outage of up to a week.
 *
 * @param at when the run was due, in Unix milliseconds
 * @returns the number of deliveries it created, and whether it left rows to the next run
 */
export async function notifyExpiry(deps: Deps, at: number) {
  const run = { deps, db: ormOver(deps.sql), at, end: deps.now() + RUN_MS }
  const known = await readPositions(run.db)
  const errors: unknown[] = []
  let [told, left] = [0, false]
  for (const kind of KINDS) {
    try {
      const done = await notifyKind(run, kind, toStart(known.get(kind.task), at))
      told += done.told
      left ||= done.left
    } catch (error) {
      errors.push(error) // of one kind: the others are told all the same
    }
  }
  if (errors.length > 0) throw errors[0]
  return { told, left }
}

interface Run {
  readonly deps: Deps
  readonly db: Database
  readonly at: number
  readonly end: number
}

async function notifyKind(run: Run, kind: Kind, start: Start) {
  let told = 0
  let { time, id } = start
  do {
    const rows = await listBatch(run, kind, { time, id })
    told += await notifyRows(run, kind, { rows, since: start.statesSince })
    const last = rows.length < BATCH_ROWS ? undefined : rows.at(-1)
    await keepPosition(run.db, kind.task, last ? `${last.time} ${last.id} ${start.statesSince}` : toIso(run.at))
    if (!last) return { told, left: false }
    time = last.time
    id = last.id
  } while (run.deps.now() < run.end)
  return { told, left: true }
}

async function notifyRows({ deps, db, at }: Run, kind: Kind, { rows, since }: { rows: readonly Row[]; since: number }) {
  if (rows.length === 0) return 0
  const toBatch = (some: readonly Row[]) => ({ ids: some.map(({ id }) => id), until: toIso(at) })
  const events = await db.execute(insertDeliveries(deps.now(), kind.happening(toBatch(rows))))
  const changed = kind.changesState ? rows.filter(({ time }) => Date.parse(time) > since) : []
  if (changed.length === 0) return events.rows.length
  const organizations = organizationsOfExpired(toBatch(changed))
  const states = await db.execute(insertStates(deps.now(), organizations))
  await db.execute(replaceStates(organizations))
  return events.rows.length + states.rows.length
}

type Row = Record<'time' | 'id', string>

/** Lists the next rows, in the order of their expiry. */
async function listBatch({ db, at }: Run, { table, condition, days }: Kind, { time, id }: Row): Promise<Row[]> {
  const ahead = sql`make_interval(hours => ${24 * days}::int)`
  const { rows } = await db.execute<Row>(sql`
    select id, to_char((expires_at - ${ahead}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time from ${table}
    where expires_at >= ${time}::timestamptz + ${ahead} and (expires_at, id) > (${time}::timestamptz + ${ahead}, ${id}::uuid)
      and expires_at <= ${toIso(at)}::timestamptz + ${ahead} and ${condition}
    order by expires_at, id limit ${BATCH_ROWS}`)
  return rows
}

const toIso = (at: number) => new Date(at).toISOString()

/**
 * A run that ran out of time is continued exactly at its last row. Otherwise the run looks back. A position in the
 * future comes from a wrong clock, and is ignored.
 */
function toStart(position: string | undefined, at: number): Start {
  const [time = '', id = '', since] = position?.split(' ') ?? []
  const known = Date.parse(time)
  const last = known <= at ? Math.max(known, at - MAX_LOOK_BACK_MS) : at
  if (id && known === last) return { time, id, statesSince: Number(since ?? last - 1) } // the rest of an unfinished run
  const statesSince = Math.min(last, at - STATE_LOOK_BACK_MS)
  return { time: toIso(Math.min(last, at - LOOK_BACK_MS)), id: FIRST_ID, statesSince }
}

async function readPositions(db: Database): Promise<ReadonlyMap<string, string>> {
  const tasks = JSON.stringify(KINDS.map(({ task }) => task))
  const { rows } = await db.execute<{ task: string; position: string }>(sql`
    select task, position from retention_progress where task in (select jsonb_array_elements_text(${tasks}::jsonb))`)
  return new Map(rows.map(({ task, position }) => [task, position]))
}

/** The position may move back: publishing is idempotent. */
const keepPosition = (db: Database, task: string, position: string) =>
  db.execute(sql`
    insert into retention_progress (task, position, updated_at) values (${task}, ${position}, now())
    on conflict (task) do update set position = excluded.position, updated_at = now()`)
