/** A statement as on the wire: every parameter is text in PostgreSQL's own notation, or null. */
export interface Statement {
  query: string
  params: (string | null)[]
}

/** A column of a result, with Neon's names for its parts. */
export interface Field {
  name: string
  dataTypeID: number
  tableID: number
  columnID: number
  dataTypeSize: number
  dataTypeModifier: number
  format: 'text'
}

/** Rows in PostgreSQL's text format. `rowCount` is null for commands without a count, such as CREATE. */
export interface Result {
  fields: Field[]
  rows: (string | null)[][]
  command: string
  rowCount: number | null
}

export type Run = (statement: Statement) => Promise<Result>

/** What the SQL service needs from a database; both PGlite and a real Postgres provide it. */
export interface Database {
  /** Lends one connection to `work`, exclusively. A transaction that is left open is rolled back. */
  session<T>(work: (run: Run) => Promise<T>): Promise<T>
  /** The whole cluster as it is now; absent if that is not available. */
  dump?(): Promise<Blob>
  close(): Promise<void>
}

/** A failure that the database itself reported, with its SQLSTATE. */
export type DatabaseError = Error & { code: string; severity: string }

/** Distinguishes an error that the database reported from a failure on the way to it. */
export function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string'
}

export const ROLLBACK: Statement = { query: 'rollback', params: [] }
