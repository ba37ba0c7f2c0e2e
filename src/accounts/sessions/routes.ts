import * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { audited } from '../../audit/record.ts'
import { runBatch } from '../../db/batch.ts'
import { listSchema, pageQuery, timestamp, uuid } from '../../http/fields.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { Problem } from '../../problems.ts'
import { endSessions } from '../email/queries.ts'
import { endSession } from '../queries.ts'
import { listSessions } from './queries.ts'

const tag = 'Sessions'

const Session = z
  .object({
    id: z.uuid(),
    user_agent: z
      .string()
      .nullable()
      .meta({ description: 'The `User-Agent` of the device when it signed in. Null after 30 days, as is `ip`.' }),
    ip: z.string().nullable(),
    is_current: z.boolean(),
    created_at: timestamp,
    last_used_at: timestamp.meta({ description: 'When it last received new tokens.' }),
    expires_at: timestamp.meta({ description: 'When it expires, however often it is used.' }),
  })
  .meta({ id: 'Session' })

const listRoute = apiRoute({
  allow: 'user',
  method: 'get',
  path: '/auth/sessions',
  tag,
  operationId: 'listSessions',
  summary: 'List my sessions',
  description: 'Live sessions, newest first.',
  query: pageQuery,
  returns: { 200: listSchema(Session) },
})

const endRoute = apiRoute({
  allow: 'user',
  method: 'delete',
  path: '/auth/sessions/{id}',
  credentials: true,
  tag,
  operationId: 'endSession',
  summary: 'End one of my sessions',
  params: z.strictObject({ id: uuid }),
  returns: { 204: null },
  fails: ['session_not_found'],
})

const endOthersRoute = apiRoute({
  allow: 'user',
  method: 'delete',
  path: '/auth/sessions',
  credentials: true,
  tag,
  operationId: 'endOtherSessions',
  summary: 'End all my other sessions',
  returns: { 204: null },
})

export const sessionRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { deps, user } = c.var
    const { limit, cursor } = c.req.valid('query')
    const rows = await listSessions(deps.db, user.userId, { limit, after: pageEnd(cursor), now: new Date(deps.now()) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map((row) => toSession(row, user.sessionId)), next_cursor }, 200)
  })
  .openapi(endRoute, async (c) => {
    const { deps, user } = c.var
    const { id } = c.req.valid('param')
    const reason = 'ended_by_owner'
    const row = audited(deps, {
      action: 'session.ended',
      actor: user,
      target: { type: 'session', id },
      detail: { reason },
    })
    const ending = { reason, now: new Date(deps.now()), also: [row] }
    const isEnded = await endSession(deps.db, { userId: user.userId, sessionId: id }, ending)
    if (!isEnded) throw new Problem('session_not_found')
    return c.body(null, 204)
  })
  .openapi(endOthersRoute, async (c) => {
    const { deps, user } = c.var
    const ending = { now: new Date(deps.now()), except: user.sessionId }
    await runBatch(deps.db, {
      sessions: endSessions(deps.db, user.userId, 'ended_by_owner', ending),
      audit: audited(deps, {
        action: 'session.ended',
        actor: user,
        detail: { reason: 'ended_by_owner', all_others: true },
      }),
    })
    return c.body(null, 204)
  })

type Row = Awaited<ReturnType<typeof listSessions>>[number]

function toSession(row: Row, currentId: string) {
  return {
    id: row.id,
    user_agent: row.userAgent,
    ip: row.ip,
    is_current: row.id === currentId,
    created_at: row.createdAt.toISOString(),
    last_used_at: row.lastUsedAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
  }
}
