import type { IncomingHttpHeaders } from 'node:http'
import * as z from 'zod'
import { type Database, isDatabaseError, type Result, type Statement } from './database.ts'
import { type Call, json, parseJson, type Reply } from './http.ts'

const StatementBody = z.strictObject({ query: z.string(), params: z.array(z.string().nullable()).default([]) })
const SqlBody = z.union([StatementBody, z.strictObject({ queries: z.array(StatementBody) })])

const ISOLATION_LEVELS: Record<string, string> = {
  ReadUncommitted: 'isolation level read uncommitted',
  ReadCommitted: 'isolation level read committed',
  RepeatableRead: 'isolation level repeatable read',
  Serializable: 'isolation level serializable',
}

/** The fields of an error answer besides its message: the names that the driver copies into NeonDbError. */
const ERROR_FIELDS = new Set(
  `
    severity code detail hint position internalPosition internalQuery where
    schema table column dataType constraint file line routine
  `.match(/\w+/g),
)

/** These need a persistent connection, or a stream besides the answer; Neon's HTTP offers neither. */
const UNSUPPORTED = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*(copy|listen|unlisten)\b/i

/**
 * The service that speaks Neon's HTTP protocol, as @neondatabase/serverless 1.2 does.
 *
 * A batch is one transaction. The connection string is ignored: there is one database here for all callers.
 *
 * @param count called with the number of statements that are about to run
 */
export function sqlService(database: Database, count: (statements: number) => void) {
  return async function answerSql(call: Call): Promise<Reply> {
    const refusal = checkHeaders(call.headers)
    if (refusal) return badRequest(refusal)
    const body = SqlBody.safeParse(parseJson(call.body))
    if (!body.success)
      return badRequest(`The body is not { query, params } or { queries }: ${z.prettifyError(body.error)}`)
    const statements = 'queries' in body.data ? body.data.queries : [body.data]
    const unsupported = statements.map(({ query }) => UNSUPPORTED.exec(query)?.[1]).find((command) => command)
    if (unsupported) return badRequest(`${unsupported.toUpperCase()} does not work over HTTP`, '0A000')

    count(statements.length)
    try {
      if (!('queries' in body.data)) return json(200, await runOne(database, body.data))
      return json(200, { results: await runBatch(database, begin(call.headers), statements) })
    } catch (error) {
      return isDatabaseError(error) ? json(400, errorBody(error)) : json(500, { message: String(error) })
    }
  }
}

function checkHeaders(headers: IncomingHttpHeaders): string | undefined {
  // A page in a browser cannot send this header to another origin, so no web page can reach the developer's data.
  if (!headers['neon-connection-string']) return 'The header Neon-Connection-String is missing'
  if (headers['neon-raw-text-output'] !== 'true') return 'Only Neon-Raw-Text-Output: true is supported here'
  if (headers['neon-array-mode'] !== 'true') return 'Only Neon-Array-Mode: true is supported here'
  const level = headers['neon-batch-isolation-level']
  if (level !== undefined && !Object.hasOwn(ISOLATION_LEVELS, String(level)))
    return `No isolation level ${String(level)}`
  return undefined
}

function badRequest(message: string, code?: string): Reply {
  return json(400, { message, ...(code && { severity: 'ERROR', code }) })
}

/** @returns the statement that opens a batch's transaction with the options in its headers */
function begin(headers: IncomingHttpHeaders): Statement {
  const level = ISOLATION_LEVELS[String(headers['neon-batch-isolation-level'])]
  const access = headers['neon-batch-read-only'] === 'true' && 'read only'
  const patience = headers['neon-batch-deferrable'] === 'true' && 'deferrable'
  const modes = [level, access, patience].filter(Boolean).join(', ')
  return { query: `start transaction ${modes}`, params: [] }
}

async function runOne(database: Database, statement: Statement) {
  return wire(await database.session((run) => run(statement)))
}

/** An error leaves the transaction open, and the end of the session rolls it back. */
async function runBatch(database: Database, first: Statement, statements: Statement[]) {
  return database.session(async (run) => {
    const results = []
    await run(first)
    for (const statement of statements) results.push(wire(await run(statement)))
    await run({ query: 'commit', params: [] })
    return results
  })
}

function wire(result: Result) {
  return { ...result, rowAsArray: true }
}

function errorBody(error: Error): Record<string, unknown> {
  const fields = Object.entries(error).filter(([name]) => ERROR_FIELDS.has(name))
  return { message: error.message, ...Object.fromEntries(fields) }
}
