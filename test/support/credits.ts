import type { Deps } from '../../src/deps.ts'
import { directly } from './direct.ts'
import { type Answer, administrator, call, newKeyHolder } from './http.ts'

const { sql } = directly()

/** An organization with a key, and the actions of the operator and its owner on its credits. */
export async function newCreditHolder(fields: Record<string, unknown> = {}) {
  const holder = await newKeyHolder(fields)
  const { organizationId, token, keyId } = holder
  const path = `/api/v1/admin/organizations/${organizationId}/credits`
  const operator = await administrator()

  const grant = (amount: string, more: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
    call(`POST ${path}`, { token: operator, body: { amount, reason: 'A test', ...more }, headers })
  const act = (id: string, what: 'revoke' | 'correct', body: Record<string, unknown> = {}, headers = {}) =>
    call(`POST ${path}/${id}/${what}`, { token: operator, body: { reason: 'A test', ...body }, headers })
  const credits = async () => (await call('GET /api/v1/credits', { token })).body
  const ledger = async (query = ''): Promise<Answer> => call(`GET /api/v1/credits/ledger${query}`, { token })
  /** Reports call costs, as an event. */
  const spend = (cost_usd: string, id: string = crypto.randomUUID()) =>
    call('POST /api/v1/usage', { token, body: { events: [{ id, key_id: keyId, endpoint: '/v1/x', cost_usd }] } })

  return { ...holder, path, grant, act, credits, ledger, spend }
}

/** All rows of an organization's ledger, the oldest first, as `kind amount`. */
export async function listLedger(organizationId: string): Promise<string[]> {
  const rows = await sql.query(
    `select kind, trim_scale(amount)::text as amount from credit_ledger where organization_id = $1 order by id`,
    [organizationId],
  )
  return rows.map(({ kind, amount }) => `${kind} ${amount}`)
}

/** Deps with another clock. */
export const at = (time: number): Deps => ({ ...directly(), now: () => time })
