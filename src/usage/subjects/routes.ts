import { apiRoute, newRouter } from '../../api/api-route.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { parseDays } from '../analytics/query-span.ts'
import { readScope } from '../analytics/read-scope.ts'
import { requireOrder } from '../analytics/require-order.ts'
import { parseCursor } from './cursor.ts'
import { eraseSubject } from './erase.ts'
import { usageOfSubjects } from './list.ts'
import { SubjectErasure, Subjects, SubjectsQuery } from './schemas.ts'

const tag = 'Usage'

const listRoute = apiRoute({
  allow: 'usage:events',
  method: 'get',
  path: '/usage/subjects',
  tag,
  operationId: 'getUsageOfSubjects',
  summary: 'Usage by subject',
  description:
    'Usage by the `subject` of verifications and events, largest first, with the exact sums of all other subjects, of erased subjects, and of usage without a subject. Together they add up to the totals. `cursor` returns the next subjects; `other` is then the sum of those after them. In whole UTC days, at most 400; defaults to the current month.',
  query: SubjectsQuery,
  returns: { 200: Subjects },
  fails: ['organization_not_found', 'rate_limited'],
})

const eraseRoute = apiRoute({
  allow: 'usage:write',
  method: 'post',
  path: '/usage/subjects/erase',
  tag,
  operationId: 'eraseSubject',
  summary: 'Erase a subject',
  description:
    'Removes a person from the statistics. Their sums move to `erased` at once. Within about two hours, their raw events lose subject, address, user agent and metadata. Their usage still counts and is charged. Erasing an unknown subject does nothing.',
  body: SubjectErasure,
  credentials: true,
  returns: { 202: null },
  fails: ['organization_not_found'],
})

export const subjectRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { deps, organizationId } = c.var
    await enforceRateLimits(deps, { usage_analytics: { account: organizationId } })
    const { order, limit, subject, cursor, from, to } = c.req.valid('query')
    await requireOrder(deps, order)
    const after = parseCursor(cursor, order)
    // all pages cover the same days, even past midnight
    const span = parseDays({ from: from ?? after?.from, to: to ?? after?.to }, deps.now())
    return c.json(await usageOfSubjects(deps.reads, readScope(c.var), { span, subject, order, limit, after }), 200)
  })
  .openapi(eraseRoute, async (c) => {
    const { deps, principal, organizationId } = c.var
    await eraseSubject(deps, principal, { organizationId, subject: c.req.valid('json').subject })
    return c.body(null, 202)
  })
