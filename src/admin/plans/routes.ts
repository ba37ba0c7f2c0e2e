import { apiRoute, newRouter } from '../../api/api-route.ts'
import { resolveOrganization } from '../../auth/named-organization.ts'
import { Problem } from '../../problems.ts'
import { changePlanFields, createPlan, deletePlan, getPlan } from './actions.ts'
import { movePlan } from './move.ts'
import { toPlan } from './plan.ts'
import { listPlans, listVersions } from './queries.ts'
import { NewPlan, Plan, PlanChanges, PlanList, PlanMove, PlanMoved, PlanParams } from './schemas.ts'

const common = { allow: 'administrator', service: 'platform:plans:write', tag: 'Administration' } as const
const READ = 'platform:plans:read'
const one = { ...common, path: '/admin/plans/{plan_id}', params: PlanParams } as const

const listRoute = apiRoute({
  ...common,
  service: READ,
  method: 'get',
  path: '/admin/plans',
  operationId: 'listPlans',
  summary: 'List plans',
  description: 'All plans, in the order of the catalog.',
  returns: { 200: PlanList },
})

const createRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/plans',
  operationId: 'createPlan',
  summary: 'Make a plan',
  creates: true,
  body: NewPlan,
  returns: { 201: Plan },
  fails: ['plan_exists'],
})

const getRoute = apiRoute({
  ...one,
  service: READ,
  method: 'get',
  operationId: 'getPlan',
  summary: 'Get a plan',
  returns: { 200: Plan },
  fails: ['plan_not_found'],
})

const changeRoute = apiRoute({
  ...one,
  method: 'patch',
  operationId: 'updatePlan',
  summary: 'Change a plan',
  description:
    'Absent fields stay unchanged. New limits and features take effect for every organization on the plan within two seconds. If there are more than 10,000, they take effect for idle ones within thirty seconds.',
  body: PlanChanges,
  returns: { 200: Plan },
  fails: ['plan_not_found'],
})

const deleteRoute = apiRoute({
  ...one,
  method: 'delete',
  operationId: 'deletePlan',
  summary: 'Delete a plan',
  description: 'Only a plan that nothing refers to. To stop offering a plan, set `is_public` to false.',
  returns: { 204: null },
  fails: ['plan_not_found', 'plan_protected', 'plan_in_use'],
})

const versionsRoute = apiRoute({
  ...one,
  service: READ,
  method: 'get',
  path: '/admin/plans/{plan_id}/versions',
  operationId: 'listPlanVersions',
  summary: 'List the versions of a plan',
  description: 'Newest first, each with the number of organizations on it.',
  returns: { 200: PlanList },
  fails: ['plan_not_found'],
})

const moveRoute = apiRoute({
  ...one,
  method: 'post',
  path: '/admin/plans/{plan_id}/move',
  operationId: 'movePlan',
  summary: 'Move organizations to the newest version of a plan',
  description:
    'Paying organizations keep interval, currency, seats and add-ons. Repeat the call with `next_cursor` until it is null. Idempotent.',
  body: PlanMove,
  returns: { 200: PlanMoved },
  fails: ['plan_not_found', 'organization_not_found', 'organization_mismatch'],
})

export const adminPlanRoutes = newRouter()
  .openapi(listRoute, async (c) =>
    c.json({ data: (await listPlans(c.var.deps.db)).map(toPlan), next_cursor: null }, 200),
  )
  .openapi(createRoute, async (c) =>
    c.json(toPlan(await createPlan(c.var.deps, c.var.operator, c.req.valid('json'))), 201),
  )
  .openapi(getRoute, async (c) => c.json(toPlan(await getPlan(c.var.deps, c.req.valid('param').plan_id)), 200))
  .openapi(changeRoute, async (c) => {
    const { plan_id: planId } = c.req.valid('param')
    const change = { operator: c.var.operator, planId, changes: c.req.valid('json') }
    return c.json(toPlan(await changePlanFields(c.var.deps, change)), 200)
  })
  .openapi(versionsRoute, async (c) => {
    const versions = await listVersions(c.var.deps.db, c.req.valid('param').plan_id)
    if (versions.length === 0) throw new Problem('plan_not_found')
    return c.json({ data: versions.map(toPlan), next_cursor: null }, 200)
  })
  .openapi(moveRoute, async (c) => {
    const { plan_id: planId } = c.req.valid('param')
    const { deps, operator } = c.var
    const { from_version: fromVersion, organization_id, external_id, ...rest } = c.req.valid('json')
    const names = { where: 'body', organizationId: organization_id, externalId: external_id } as const
    const organizationId = await resolveOrganization(deps.db, names)
    const move = { operator, planId, fromVersion, organizationId, ...rest, cursor: rest.cursor }
    return c.json(await movePlan(deps, move), 200)
  })
  .openapi(deleteRoute, async (c) => {
    await deletePlan(c.var.deps, c.var.operator, c.req.valid('param').plan_id)
    return c.body(null, 204)
  })
