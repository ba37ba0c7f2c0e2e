/** Restores the embedded database to a moment, as Neon does: into a branch, while the database itself continues. */
import * as z from 'zod'
import type { Database } from './database.ts'
import { type Call, json, parseJson, type Reply, type Route } from './http.ts'
import { openPglite } from './pglite.ts'
import { sqlService } from './sql.ts'

const Asked = z.strictObject({ do: z.enum(['keep', 'branch', 'switch']) })

interface Moments {
  /** The database behind `/sql`. */
  readonly present: Database
  readonly routes: Record<string, Route>
  /** Closes the branches. */
  close(): Promise<void>
}

/**
 * `POST /control/database`: `keep` saves the current state, `branch` opens it as a database at `/branch/sql`, and `switch`
 * swaps both databases. A branch is in memory: after a restart, the stack has the data that it had without it.
 */
export function openMoments(database: Database): Moments {
  const places: { present: Database; branch: Database | undefined } = { present: database, branch: undefined }
  const branches: Database[] = []
  let kept: Blob | undefined

  async function keep(): Promise<void> {
    if (!places.present.dump) throw new Error('Only the embedded database keeps moments.')
    kept = await places.present.dump()
  }

  async function branch(): Promise<void> {
    if (!kept) throw new Error('No moment is kept.')
    places.branch = await openPglite(undefined, kept)
    branches.push(places.branch)
  }

  async function swap(): Promise<void> {
    if (!places.branch) throw new Error('There is no branch.')
    ;[places.present, places.branch] = [places.branch, places.present]
  }

  const acts = { keep, branch, switch: swap }
  async function control(call: Call): Promise<Reply> {
    const asked = Asked.safeParse(parseJson(call.body))
    if (!asked.success) return json(400, { error: 'invalid_request', message: z.prettifyError(asked.error) })
    try {
      await acts[asked.data.do]()
    } catch (error) {
      return json(409, { error: 'impossible', message: error instanceof Error ? error.message : String(error) })
    }
    return json(200, { done: asked.data.do })
  }

  const present: Database = {
    session: (work) => places.present.session(work),
    close: () => database.close(),
  }
  const branchDatabase: Database = {
    async session(work) {
      if (!places.branch) throw new Error('There is no branch.')
      return places.branch.session(work)
    },
    close: async () => undefined,
  }
  const routes = {
    'POST /control/database': { answer: control },
    'POST /branch/sql': { answer: sqlService(branchDatabase, () => undefined) },
  }
  return { present, routes, close: async () => void (await Promise.all(branches.map((one) => one.close()))) }
}
