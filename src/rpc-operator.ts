/** What bound Workers do as the operator: the same use-cases as over HTTP. Evaluated when first called. */
import * as z from 'zod'
import { upsertCustomer } from './admin/organizations/create.ts'
import { getOrganization, toAdminOrganization } from './admin/organizations/organization.ts'
import { CustomerUpsert } from './admin/organizations/schemas.ts'
import { describeUse, idempotencyKey, performOnce } from './api/kept-answers.ts'
import { requireNamed } from './auth/named-organization.ts'
import type { ServicePrincipal } from './auth/principal.ts'
import { ormOver } from './db/orm.ts'
import type { Deps, ManagementDeps } from './deps.ts'
import { externalId, organizationRef, uuid } from './http/fields.ts'
import { pageEnd } from './http/paging.ts'
import { toApiKey } from './keys/api-key.ts'
import { issueKey as issue } from './keys/issue.ts'
import { KeyListQuery, KeyUpdate, Rotation } from './keys/lifecycle-schemas.ts'
import { readKeys } from './keys/read.ts'
import { revoke } from './keys/revoke.ts'
import { rotateKey as rotate } from './keys/rotate.ts'
import { NewKey } from './keys/schemas.ts'
import { updateApiKey } from './keys/update.ts'
import { page } from './lib/cursor.ts'
import { QuotasInput, readQuotas } from './limits/quotas.ts'
import { Problem, parseInput } from './problems.ts'
import type * as wire from './rpc-types.ts'
import { parseHours } from './usage/analytics/query-span.ts'
import { SummaryQuery } from './usage/analytics/schemas.ts'
import { usageSummary } from './usage/analytics/summary.ts'

const keyRef = { ...organizationRef, key_id: uuid }
const idempotency_key = idempotencyKey.optional()
const limit = z.int().min(1).max(100).default(50)

/** The schemas of the inputs, which src/rpc-types.ts writes out as types. */
export const OPERATOR_INPUTS = {
  upsertOrganization: CustomerUpsert.extend({ external_id: externalId }),
  issueKey: NewKey.extend({ idempotency_key }),
  updateKey: KeyUpdate.extend(keyRef),
  rotateKey: Rotation.extend({ ...keyRef, idempotency_key }),
  revokeKey: z.strictObject(keyRef),
  listKeys: KeyListQuery.extend({ limit }),
  getUsage: SummaryQuery,
}

/** Whoever can bind to the Worker is the operator: there are no scopes, and no key that a row could name. */
const BOUND: ServicePrincipal = {
  kind: 'service',
  keyId: null,
  lineageId: 'binding',
  organizationId: '',
  scopes: ['platform:*'],
  onBehalfOf: null,
}

interface Call {
  readonly deps: Deps
  readonly requestId: string
}

const manage = ({ deps, requestId }: Call): ManagementDeps => ({
  ...deps,
  db: ormOver(deps.sql),
  origin: { requestId, ip: undefined, userAgent: undefined },
})

export async function upsertOrganization(call: Call, input: unknown): Promise<wire.UpsertedOrganization> {
  const { external_id, ...fields } = parseInput(OPERATOR_INPUTS.upsertOrganization, input)
  const { created, organization } = await upsertCustomer(manage(call), BOUND, external_id, fields)
  return { created, organization: toAdminOrganization(organization) as wire.Organization }
}

export async function issueKey(call: Call, input: unknown): Promise<wire.IssuedApiKey> {
  const { idempotency_key: key, ...fields } = parseInput(OPERATOR_INPUTS.issueKey, input)
  const organizationId = await requireOrganization(manage(call), fields)
  const repeatable = { method: 'issueKey', organizationId, key, input }
  return once(call, repeatable, async (deps) => (await issue(deps, BOUND, organizationId, fields)) as wire.IssuedApiKey)
}

export async function updateKey(call: Call, input: unknown): Promise<wire.ApiKey> {
  const { key_id: id, organization_id, external_id, ...update } = parseInput(OPERATOR_INPUTS.updateKey, input)
  const deps = manage(call)
  const organizationId = await requireOrganization(deps, { organization_id, external_id })
  return (await updateApiKey(deps, BOUND, { organizationId, id }, update)) as wire.ApiKey
}

export async function rotateKey(call: Call, input: unknown): Promise<wire.IssuedApiKey> {
  const {
    key_id: id,
    grace_period_seconds,
    idempotency_key: key,
    ...ref
  } = parseInput(OPERATOR_INPUTS.rotateKey, input)
  const organizationId = await requireOrganization(manage(call), ref)
  const repeatable = { method: 'rotateKey', organizationId, key, input }
  return once(
    call,
    repeatable,
    async (deps) => (await rotate(deps, BOUND, { organizationId, id }, grace_period_seconds)) as wire.IssuedApiKey,
  )
}

export async function revokeKey(call: Call, input: unknown): Promise<wire.RevokedKey> {
  const { key_id: id, ...ref } = parseInput(OPERATOR_INPUTS.revokeKey, input)
  const deps = manage(call)
  await revoke(deps, BOUND, { organizationId: await requireOrganization(deps, ref), id })
  return { revoked: true }
}

export async function listKeys(call: Call, input: unknown): Promise<wire.ApiKeyPage> {
  const { limit, cursor, organization_id, external_id, ...filter } = parseInput(OPERATOR_INPUTS.listKeys, input)
  const deps = manage(call)
  const organizationId = await requireOrganization(deps, { organization_id, external_id })
  const rows = await readKeys(deps, organizationId, { filter, limit, after: pageEnd(cursor) })
  const { data, next_cursor } = page(rows, limit)
  return { data: data.map(toApiKey) as readonly wire.ApiKey[], next_cursor }
}

export async function getUsage(call: Call, input: unknown): Promise<wire.UsageSummary> {
  const { organization_id, external_id, ...span } = parseInput(OPERATOR_INPUTS.getUsage, input)
  const deps = manage(call)
  const organizationId = await requireOrganization(deps, { organization_id, external_id })
  return usageSummary(deps.reads, { organizationId, seesCosts: true }, parseHours(span, deps.now()))
}

export async function getQuotas(call: Call, input: unknown): Promise<wire.Quotas> {
  const deps = manage(call)
  return readQuotas(deps, await requireOrganization(deps, parseInput(QuotasInput, input)))
}

interface Repeatable {
  readonly method: string
  readonly organizationId: string
  /** The caller's idempotency key. Without one, each call has its effect. */
  readonly key: string | undefined
  readonly input: unknown
}

async function once<Answer>(call: Call, repeatable: Repeatable, perform: (deps: ManagementDeps) => Promise<Answer>) {
  const { method, organizationId, key, input } = repeatable
  const deps = manage(call)
  if (key === undefined) return perform(deps)
  return performOnce(deps, describeUse(['binding', organizationId, method], key, JSON.stringify(input)), perform)
}

interface Ref {
  readonly organization_id?: string | undefined
  readonly external_id?: string | undefined
}

/** @throws Problem `organization_unnamed`, `platform_organization`, and what `resolveOrganization` throws */
async function requireOrganization(deps: ManagementDeps, ref: Ref): Promise<string> {
  const id = await requireNamed(deps, ref)
  const { isPlatform } = await getOrganization(deps, id)
  if (isPlatform) throw new Problem('platform_organization')
  return id
}
