import { existsSync, openAsBlob } from 'node:fs'
import { join } from 'node:path'
import { type messages, PGlite, protocol } from '@electric-sql/pglite'
import { type Database, type Field, type Result, ROLLBACK, type Run, type Statement } from './database.ts'
import { lockFolder } from './folder-lock.ts'

const { parse, bind, describe, execute, sync } = protocol.serialize

/** Maximum of known statements, because each uses memory of the database; then all are forgotten. */
const MAX_KNOWN = 1_500
/** Commands after which a prepared statement may return other columns. */
const CHANGES_TABLES = new Set(['CREATE', 'ALTER', 'DROP', 'DO'])

/** How many statements run before the next vacuum. */
const VACUUM_AFTER = 10_000

/**
 * Opens PostgreSQL inside this process.
 *
 * There is one connection, so sessions queue: no lock or deadlock can happen here. Use a real Postgres to see those.
 *
 * @param dataDir the folder of the data; in memory if absent
 * @param cluster the start of a new database, as `dump` returned it; the file named by PGLITE_SNAPSHOT if absent
 * @throws an Error that names the folder if it cannot be opened
 */
export async function openPglite(dataDir?: string, cluster?: Blob): Promise<Database> {
  const unlock = dataDir === undefined ? undefined : await lockFolder(dataDir)
  const lite = await create(dataDir, cluster).catch(async (error) => {
    await unlock?.()
    throw error
  })
  const connection: Connection = { lite, known: new Set(), prepared: new Map(), names: 0, sinceVacuum: 0 }
  return {
    session: (work) => lite.runExclusive(() => session(connection, work)),
    dump: () => dump(lite),
    async close() {
      await lite.close()
      await unlock?.()
    },
  }
}

async function create(dataDir?: string, cluster?: Blob): Promise<PGlite> {
  try {
    const start = cluster ? { loadDataDir: cluster } : await beginning(dataDir)
    return await PGlite.create({ ...(dataDir !== undefined && { dataDir }), ...start })
  } catch (cause) {
    const place = dataDir === undefined ? 'in memory' : `from the folder ${dataDir}. Delete it to start over`
    throw new Error(`The local database cannot start ${place}.`, { cause })
  }
}

/** The snapshot for a database that does not exist yet: creating a cluster takes seconds, unpacking one does not. */
async function beginning(dataDir: string | undefined): Promise<{ loadDataDir?: Blob }> {
  const { PGLITE_SNAPSHOT } = process.env
  const isNew = dataDir === undefined || !existsSync(join(dataDir, 'PG_VERSION'))
  return PGLITE_SNAPSHOT && isNew ? { loadDataDir: await openAsBlob(PGLITE_SNAPSHOT) } : {}
}

/** After a checkpoint, so that a database opened from the dump need not replay earlier changes. */
async function dump(lite: PGlite): Promise<Blob> {
  await lite.exec('checkpoint')
  return lite.dumpDataDir('none')
}

interface Connection {
  readonly lite: PGlite
  /** The texts of statements that have run. */
  readonly known: Set<string>
  /** The names of prepared statements, by their texts. */
  readonly prepared: Map<string, string>
  /** How many names were assigned. None is reused. */
  names: number
  /** Statements since the last vacuum. */
  sinceVacuum: number
}

async function session<T>(connection: Connection, work: (run: Run) => Promise<T>): Promise<T> {
  try {
    return await work((statement) => run(connection, statement))
  } finally {
    if (connection.lite.isInTransaction()) await run(connection, ROLLBACK)
    if (connection.sinceVacuum >= VACUUM_AFTER) await vacuum(connection)
  }
}

/**
 * Speaks the extended query protocol itself: PGlite's own `query` would parse values by type and drop the columns'
 * table and size, while the wire needs text and all of them. One statement only, as over Neon's HTTP.
 */
async function run(connection: Connection, { query, params }: Statement): Promise<Result> {
  connection.sinceVacuum++
  const name = await prepare(connection, query)
  const first = name === undefined ? [parse({ text: query })] : []
  const steps = [
    ...first,
    bind({ ...(name !== undefined && { statement: name }), values: params }),
    describe({ type: 'P' }),
    execute({}),
    sync(),
  ]
  const { messages } = await connection.lite.execProtocol(Buffer.concat(steps))
  const result: Result = { fields: [], rows: [], command: '', rowCount: null }
  for (const message of messages) collect(result, message)
  if (CHANGES_TABLES.has(result.command)) await forget(connection)
  return result
}

/**
 * Prepares a statement that comes a second time: parsing and planning take most of the time of a small one.
 *
 * @returns its name, undefined if it is not prepared
 */
async function prepare(connection: Connection, query: string): Promise<string | undefined> {
  const { lite, known, prepared } = connection
  const before = prepared.get(query)
  if (before !== undefined) return before
  if (!known.has(query)) {
    if (known.size >= MAX_KNOWN) await forget(connection)
    known.add(query)
    return undefined
  }
  const name = `statement_${++connection.names}`
  await lite.execProtocol(Buffer.concat([parse({ name, text: query }), sync()]))
  prepared.set(query, name)
  return name
}

/**
 * Replaces a server's autovacuum. Without it, the planner would treat every table as empty, and scans would read dead
 * rows.
 */
async function vacuum(connection: Connection): Promise<void> {
  connection.sinceVacuum = 0
  await connection.lite.execProtocol(Buffer.concat(inOneStep('vacuum (analyze)')))
}

async function forget({ lite, known, prepared }: Connection): Promise<void> {
  known.clear()
  if (prepared.size === 0) return
  prepared.clear()
  await lite.execProtocol(Buffer.concat(inOneStep('deallocate all')))
}

const inOneStep = (text: string) => [parse({ text }), bind({}), execute({}), sync()]

function collect(result: Result, message: { name: string }): void {
  if (message.name === 'rowDescription') {
    result.fields = (message as messages.RowDescriptionMessage).fields.map(asField)
  } else if (message.name === 'dataRow') {
    result.rows.push((message as messages.DataRowMessage).fields)
  } else if (message.name === 'commandComplete') {
    Object.assign(result, readTag((message as messages.CommandCompleteMessage).text))
  }
}

function asField(field: messages.RowDescriptionMessage['fields'][number]): Field {
  const { name, dataTypeID, tableID, columnID, dataTypeSize, dataTypeModifier } = field
  return { name, dataTypeID, tableID, columnID, dataTypeSize, dataTypeModifier, format: 'text' }
}

/** Reads a command tag: the last word of `INSERT 0 3` is a count, `CREATE TABLE` has none. */
function readTag(tag: string): Pick<Result, 'command' | 'rowCount'> {
  const words = tag.split(' ')
  const count = words.length > 1 ? Number(words.at(-1)) : Number.NaN
  return { command: words[0] ?? '', rowCount: Number.isNaN(count) ? null : count }
}
