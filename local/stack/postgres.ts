import pg from 'pg'
import {
  type Database,
  type Field,
  isDatabaseError,
  type Result,
  ROLLBACK,
  type Run,
  type Statement,
} from './database.ts'

const MAX_CONNECTIONS = 20
const CONNECT_TIMEOUT_MS = 5_000
/** How long after its own limit Postgres may still report that it canceled a statement. */
const REPORT_MS = 1_000

/** `queryMode` is missing from pg's types. Without it a statement with no parameters could hold several commands. */
interface RawQuery extends pg.QueryArrayConfig {
  queryMode: 'extended'
}

interface Limits {
  /** Maximum of connections; a statement waits up to five seconds for one. */
  readonly connections?: number
  /**
   * Postgres cancels a statement, or an idle transaction, after this; never if absent. If it does not even report that
   * within another second, the connection is closed.
   */
  readonly statementMs?: number
}

/**
 * Opens a pool over a real Postgres. A connection that breaks is replaced.
 *
 * @param url a `postgresql://` address
 * @throws an Error that names host and database, never the password, when it cannot be reached
 */
export async function openPostgres(
  url: string,
  { connections = MAX_CONNECTIONS, statementMs }: Limits = {},
): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // Neon's sessions use UTC, whatever this machine uses.
    options: '-c timezone=UTC',
    ...(statementMs && {
      statement_timeout: statementMs,
      idle_in_transaction_session_timeout: statementMs,
      query_timeout: statementMs + REPORT_MS,
    }),
    types: { getTypeParser: () => (text: string) => text },
  })
  // The pool replaces a connection that is lost while idle; without a listener it would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  await reach(pool, url)
  return { session: (work) => session(pool, work), close: () => pool.end() }
}

async function reach(pool: pg.Pool, url: string): Promise<void> {
  try {
    await pool.query('select 1')
  } catch (cause) {
    await pool.end()
    const { host, pathname } = new URL(url)
    throw new Error(`The database ${host}${pathname} of DATABASE_URL cannot be reached: ${reason(cause)}`, { cause })
  }
}

/** A refused connection to a name with several addresses has an empty message of its own. */
function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join(', ')
  return error instanceof Error ? error.message : String(error)
}

async function session<T>(pool: pg.Pool, work: (run: Run) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    const result = await work((statement) => run(client, statement))
    await giveBack(client)
    return result
  } catch (error) {
    // After any other failure the connection may still be waiting for the reply to this statement.
    if (isDatabaseError(error)) await giveBack(client)
    else client.release(true)
    throw error
  }
}

async function giveBack(client: pg.PoolClient): Promise<void> {
  try {
    if (client.getTransactionStatus() !== 'I') await client.query(ROLLBACK.query)
    client.release()
  } catch {
    client.release(true)
  }
}

async function run(client: pg.PoolClient, { query, params }: Statement): Promise<Result> {
  const raw: RawQuery = { text: query, values: params, rowMode: 'array', queryMode: 'extended' }
  const { fields, rows, command, rowCount } = await client.query<(string | null)[]>(raw)
  return { fields: fields.map(asField), rows, command: command ?? '', rowCount }
}

function asField(field: pg.FieldDef): Field {
  const { name, dataTypeID, tableID, columnID, dataTypeSize, dataTypeModifier } = field
  return { name, dataTypeID, tableID, columnID, dataTypeSize, dataTypeModifier, format: 'text' }
}
