import type { Sql } from '../../src/db/client.ts'
import { countNew, insertUsers } from './insert.ts'
import { type Flaw, type ImportedUser, readLine } from './line.ts'

const BATCH_SIZE = 200

export interface Tally {
  lines: number
  imported: number
  /** Their address existed already, from before or from an earlier line. */
  present: number
  bad: number
}

interface Options {
  readonly isDryRun: boolean
  onBad(line: number, flaws: readonly Flaw[]): void
  onBatch(tally: Readonly<Tally>): void
}

/**
 * Imports users line by line, in batches of 200; only one batch is in memory at a time. Blank lines are skipped.
 *
 * It can be interrupted and repeated: existing users are never changed.
 *
 * @returns the number of lines by result; a dry run says what would happen, and writes nothing
 */
export async function importUsers(sql: Sql, lines: AsyncIterable<string>, options: Options): Promise<Tally> {
  const tally: Tally = { lines: 0, imported: 0, present: 0, bad: 0 }
  let batch: ImportedUser[] = []

  async function flush(): Promise<void> {
    if (batch.length === 0) return
    const fresh = await (options.isDryRun ? countNew(sql, batch) : insertUsers(sql, batch, Date.now()))
    tally.imported += fresh
    tally.present += batch.length - fresh
    batch = []
    options.onBatch(tally)
  }

  for await (const text of lines) {
    tally.lines += 1
    if (!text.trim()) continue
    const read = readLine(tally.lines === 1 ? text.replace(/^\uFEFF/, '') : text)
    if ('user' in read) batch.push(read.user)
    else {
      tally.bad += 1
      options.onBad(tally.lines, read.flaws)
    }
    if (batch.length === BATCH_SIZE) await flush()
  }
  await flush()
  return tally
}
