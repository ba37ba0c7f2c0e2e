/**
 * Batches: several statements in one transaction and one HTTP request. HTTP has no interactive transactions, so a batch
 * decides by its own statements: it locks the rows it depends on, requires conditions under those locks, and writes
 * only if they hold.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import { Problem, type ProblemCode } from '../problems.ts'
import { errorWithState } from './client.ts'
import type { Database } from './orm.ts'

/** A statement that was built but not sent. */
export type Statement = BatchItem<'pg'>

/** The SQLSTATE that the function `require_that` raises (migrations/0022_require_that.sql). */
const REQUIREMENT_FAILED = 'TG001'
/** The reason of a requirement without a problem. */
const REFUSED = 'refused'

/**
 * SQL for a statement that fails unless `condition` holds. A null condition does not hold.
 *
 * @param code the problem that the batch fails with; without one the batch is refused, see {@link tryBatch}
 */
export const requirement = (condition: SQL, code: ProblemCode | typeof REFUSED = REFUSED): SQL =>
  sql`require_that((${condition}), ${code}::text)`

/** A step that rolls back the whole batch unless `condition` holds at this point. */
export function requireThat(db: Database, condition: SQL, code?: ProblemCode) {
  return db.execute(sql`select ${requirement(condition, code)}`)
}

/** Statements to run at the end of whichever batch runs the key's statement. */
const companions = new WeakMap<object, readonly Statement[]>()
/** Callbacks that receive a statement's result once its batch is committed. */
const observers = new WeakMap<object, (result: unknown) => void>()

/**
 * Runs more statements at the end of whichever batch runs `statement`, so that they see what the batch has written. Their
 * results are not part of the batch's results.
 */
export function followedBy<S extends Statement>(statement: S, last: readonly Statement[]): S {
  companions.set(statement, last)
  return statement
}

/** Calls `use` with a statement's result once its batch is committed. */
export function whenCommitted<S extends Statement>(statement: S, use: (result: S['_']['result']) => void): S {
  observers.set(statement, use)
  return statement
}

/** The steps of a batch by name, in the order in which they run. A list is one step of several statements. */
type Steps = Readonly<Record<string, Statement | readonly Statement[] | undefined>>

type ResultOf<Step> = Step extends Statement
  ? Step['_']['result']
  : Step extends readonly Statement[]
    ? Step[number]['_']['result'][]
    : undefined

/** What each step returned, under its name. */
type Results<S extends Steps> = { readonly [Name in keyof S]: ResultOf<S[Name]> }

/**
 * Runs steps in one transaction: all of them, or none.
 *
 * @returns the result of each step, or `undefined` if a requirement without a problem did not hold
 * @throws Problem of the requirement that did not hold
 */
export async function tryBatch<S extends Steps>(db: Database, steps: S): Promise<Results<S> | undefined> {
  const entries = Object.entries(steps)
  const listed = entries.flatMap(([, step]) => (step === undefined ? [] : toList(step)))
  const statements = [...listed, ...listed.flatMap((statement) => companions.get(statement) ?? [])]
  let rows: unknown[]
  try {
    rows = await db.batch(statements as [Statement, ...Statement[]])
  } catch (error) {
    const failed = errorWithState(error, REQUIREMENT_FAILED)
    if (!failed) throw error
    if (failed.message === REFUSED) return undefined
    throw new Problem(failed.message as ProblemCode)
  }
  for (const [at, statement] of statements.entries()) observers.get(statement)?.(rows[at])
  const take = (step: Steps[string]) => {
    if (step === undefined) return undefined
    return isList(step) ? rows.splice(0, step.length) : rows.shift()
  }
  return Object.fromEntries(entries.map(([name, step]) => [name, take(step)])) as Results<S>
}

/**
 * Like {@link tryBatch}, for batches whose requirements all name a problem.
 *
 * @throws Problem of the requirement that did not hold
 */
export async function runBatch<S extends Steps>(db: Database, steps: S): Promise<Results<S>> {
  const results = await tryBatch(db, steps)
  if (!results) throw new Error('A requirement of the batch names no problem')
  return results
}

const isList = (step: Statement | readonly Statement[]): step is readonly Statement[] => Array.isArray(step)

const toList = (step: Statement | readonly Statement[]) => (isList(step) ? step : [step])
