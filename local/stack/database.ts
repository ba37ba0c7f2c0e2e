/** A statement as the wire carries it: every parameter is text, in PostgreSQL's own notation, or null. */
export interface Statement {
  query: string
  params: (string | null)[]
}

/** A column of a result, named as Neon names its parts. */
export interface Field {
  name: string
  dataTypeID: number
  tableID: number
  columnID: number
  dataTypeSize: number
  dataTypeModifier: number
  format: 'text'
}

/** Rows as PostgreSQL's text output. `rowCount` is null for commands that count nothing, such as CREATE. */
export interface Result {
  fields: Field[]
  rows: (string | null)[][]
  command: string
  rowCount: number | null
}

export type Run = (statement: Statement) => Promise<Result>

/** What the SQL service needs of a database; PGlite and a real Postgres both offer it. */
export interface Database {
  /** Lends one connection to `work`, to nobody else meanwhile. A transaction left open is rolled back. */
  session<T>(work: (run: Run) => Promise<T>): Promise<T>
  /** The whole cluster as it is now; absent where it cannot be had. */
  dump?(): Promise<Blob>
  close(): Promise<void>
}

/** A failure that the database itself reported, with its SQLSTATE. */
export type DatabaseError = Error & { code: string; severity: string }

/** Tells what the database refused from what broke on the way to it. */
export function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string'
}

export const ROLLBACK: Statement = { query: 'rollback', params: [] }
