import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import type { Sql } from '../../src/db/client.ts'

/** What one question cost inside Postgres. */
export interface Measured {
  /** Median of planning and execution, milliseconds; a batch is the sum of its statements. */
  readonly ms: number
  /** The processor time of it, which other work on the machine does not increase; undefined if it cannot be read. */
  readonly processorMs: number | undefined
  /** The first run, when less of the data is in memory. */
  readonly first: number
  /** Pages of 8 KB that the last run touched. */
  readonly blocks: number
  readonly plans: readonly string[]
  /** Rows of the answer. */
  readonly rows: number
}

interface Statement {
  readonly text: string
  readonly parameters: readonly unknown[]
}

type Plan = Readonly<Record<string, string | number>> & { readonly Plans?: readonly Plan[] }

/** Processor milliseconds used so far. */
type Clock = () => Promise<number | undefined>

/** The clock of a client's Postgres process, if it runs on this machine under Linux. */
export async function processorClock(client: Client): Promise<Clock> {
  const { rows } = await client.query(
    'select pg_backend_pid() as pid, coalesce(inet_client_addr() = inet_server_addr(), true) as here',
  )
  const file = `/proc/${rows[0].pid}/schedstat`
  return async () => {
    const text = rows[0].here ? await readFile(file, 'utf8').catch(() => undefined) : undefined
    return text === undefined ? undefined : Number(text.split(' ')[0]) / 1e6
  }
}

/** Replaces the product's own connection: answers every statement, and records the time that Postgres took. */
export function explaining(client: Client, runs: number, clock: Clock): Sql & { measured(): Omit<Measured, 'rows'> } {
  const totals = Array.from({ length: runs }, () => 0)
  const processor = Array.from({ length: runs }, () => 0)
  const plans: string[] = []
  let blocks = 0

  async function run({ text, parameters }: Statement) {
    if (text.startsWith('set local ')) return [] // settings that limit a question are not measured
    for (let at = 0; at < runs; at++) {
      const before = await clock()
      const { rows } = await client.query(`explain (analyze, buffers, format json) ${text}`, [...parameters])
      processor[at] = (processor[at] ?? 0) + ((await clock()) ?? Number.NaN) - (before ?? 0)
      const [top] = rows[0]['QUERY PLAN']
      totals[at] = (totals[at] ?? 0) + top['Planning Time'] + top['Execution Time']
      if (at === runs - 1) {
        plans.push(describe(top.Plan, 0).join('\n'))
        blocks += top.Plan['Shared Hit Blocks'] + top.Plan['Shared Read Blocks']
      }
    }
    const { rows } = await client.query(text, [...parameters])
    return rows
  }

  /** Like the driver's: runs when awaited, but not as a part of a batch. */
  function query(text: string, parameters: readonly unknown[] = []) {
    const statement = { text, parameters }
    // oxlint-disable-next-line unicorn/no-thenable -- so is the driver's query
    return { statement, then: (...then: Parameters<Promise<unknown>['then']>) => run(statement).then(...then) }
  }

  async function transaction(queries: readonly { statement: Statement }[]) {
    const answers = []
    for (const { statement } of queries) answers.push(await run(statement))
    return answers
  }

  function measured() {
    const processorMs = median(processor)
    const known = Number.isNaN(processorMs) ? undefined : processorMs
    return { ms: median(totals), processorMs: known, first: totals[0] ?? 0, blocks, plans }
  }
  return { query, transaction, measured } as unknown as Sql & { measured(): Omit<Measured, 'rows'> }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Formats a plan for people, one node per line. */
function describe(plan: Plan, depth: number): string[] {
  const about = ['Relation Name', 'Index Name', 'Index Cond', 'Filter', 'Rows Removed by Filter', 'Sort Method']
    .filter((name) => plan[name] !== undefined)
    .map((name) => `${name}: ${plan[name]}`)
  const cost = `rows ${plan['Actual Rows']} x ${plan['Actual Loops']}, ${plan['Actual Total Time']} ms, pages ${Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks'])}`
  const own = `${'  '.repeat(depth)}${[plan['Node Type'], cost, ...about].join(' · ')}`
  return plan['Actual Loops'] === 0 ? [] : [own, ...(plan.Plans ?? []).flatMap((one) => describe(one, depth + 1))]
}
