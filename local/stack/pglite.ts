import { existsSync, openAsBlob } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type messages, PGlite, protocol } from '@electric-sql/pglite'
import { type Database, type Field, type Result, ROLLBACK, type Run, type Statement } from './database.ts'
import { lockFolder } from './folder-lock.ts'

const { parse, bind, describe, execute, sync } = protocol.serialize

/**
 * Opens PostgreSQL inside this process.
 *
 * There is one connection, so sessions queue: no lock or deadlock can happen here. Use a real Postgres to see those.
 *
 * @param dataDir the folder that keeps the data; in memory when absent
 * @param cluster what a new database begins with, as `dump` gave it
 * @throws an Error that names the folder when it cannot be opened
 */
export async function openPglite(dataDir?: string, cluster?: Blob): Promise<Database> {
  const unlock = dataDir === undefined ? undefined : await lockFolder(dataDir)
  const lite = await create(dataDir, cluster).catch(async (error) => {
    await unlock?.()
    throw error
  })
  return {
    session: (work) => lite.runExclusive(() => session(lite, work)),
    dump: () => lite.dumpDataDir('none'),
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

/** What a database that does not exist yet begins from: making a cluster takes seconds, unpacking one does not. */
async function beginning(dataDir: string | undefined): Promise<{ loadDataDir?: Blob }> {
  const { PGLITE_SNAPSHOT } = process.env
  const isNew = dataDir === undefined || !existsSync(join(dataDir, 'PG_VERSION'))
  return PGLITE_SNAPSHOT && isNew ? { loadDataDir: await openAsBlob(PGLITE_SNAPSHOT) } : {}
}

/** Writes an empty cluster to a file. Processes that find its name in PGLITE_SNAPSHOT begin their databases from it. */
export async function writeSnapshot(file: string): Promise<void> {
  const lite = await PGlite.create({})
  const cluster = await lite.dumpDataDir('none')
  await lite.close()
  await writeFile(file, Buffer.from(await cluster.arrayBuffer()))
}

async function session<T>(lite: PGlite, work: (run: Run) => Promise<T>): Promise<T> {
  try {
    return await work((statement) => run(lite, statement))
  } finally {
    if (lite.isInTransaction()) await run(lite, ROLLBACK)
  }
}

/**
 * Speaks the extended query protocol itself: PGlite's own `query` would parse values by type and drop the columns'
 * table and size, while the wire wants text and all of them. One statement only, as over Neon's HTTP.
 */
async function run(lite: PGlite, { query, params }: Statement): Promise<Result> {
  const steps = [parse({ text: query }), bind({ values: params }), describe({ type: 'P' }), execute({}), sync()]
  const { messages } = await lite.execProtocol(Buffer.concat(steps))
  const result: Result = { fields: [], rows: [], command: '', rowCount: null }
  for (const message of messages) collect(result, message)
  return result
}

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

/** Reads a command tag: `INSERT 0 3` counts in its last word, `CREATE TABLE` counts nothing. */
function readTag(tag: string): Pick<Result, 'command' | 'rowCount'> {
  const words = tag.split(' ')
  const count = words.length > 1 ? Number(words.at(-1)) : Number.NaN
  return { command: words[0] ?? '', rowCount: Number.isNaN(count) ? null : count }
}
