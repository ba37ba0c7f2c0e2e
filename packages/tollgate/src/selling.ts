/** What is sold and to whom: credits, purchases, prices, meters. These operations go over HTTP only. */
import type { Answer, Call, CallOptions, OperationName } from './operations.ts'
import type * as api from './types.ts'

/** Sends a call, and reads its answer. */
export type Send = <Name extends OperationName>(
  name: Name,
  input: Omit<Call, 'name'>,
  options?: CallOptions,
) => Promise<Answer<Name>>

/** An organization in a path has one name. */
export type PathOrganization =
  | { readonly organization_id: string; readonly external_id?: never }
  | { readonly external_id: string; readonly organization_id?: never }

interface OrganizationQuery {
  readonly organization_id?: string
  readonly external_id?: string
}

/** Pages are read with the `next_cursor` of the one before. */
export interface PageQuery extends OrganizationQuery {
  readonly limit?: number
  readonly cursor?: string
}

export const buildCredits = (send: Send) => ({
  /** The balance of an organization, and the grants that it consists of. */
  get: (input: OrganizationQuery, options?: CallOptions) => send('GET /credits', { query: { ...input } }, options),
  /** One page of the changes of the balance, newest first. */
  ledger: (input: PageQuery, options?: CallOptions) => send('GET /credits/ledger', { query: { ...input } }, options),
  /** Gives credits. A retry with the same `idempotencyKey` gives them once. */
  grant: (input: PathOrganization & api.GrantCreditsRequest, options?: CallOptions) =>
    send('POST /admin/organizations/{organization_id}/credits', splitOrganization(input), options),
  /** Takes back what is left of a grant. */
  revoke: ({ grant_id, ...input }: PathOrganization & GrantRef & api.RevokeCreditsRequest, options?: CallOptions) =>
    send(
      'POST /admin/organizations/{organization_id}/credits/{grant_id}/revoke',
      splitOrganization(input, { grant_id }),
      options,
    ),
  /** Adds to a grant, or takes from it with an `amount` below 0. */
  correct: ({ grant_id, ...input }: PathOrganization & GrantRef & api.CorrectCreditsRequest, options?: CallOptions) =>
    send(
      'POST /admin/organizations/{organization_id}/credits/{grant_id}/correct',
      splitOrganization(input, { grant_id }),
      options,
    ),
  /** Sets the balance at which endpoints get `credits.low`. */
  setLowBalance: (body: api.SetLowBalanceRequest, options?: CallOptions) =>
    send('PUT /credits/low-balance', { body }, options),
})

interface GrantRef {
  readonly grant_id: string
}

export const buildBilling = (send: Send) => ({
  /** Opens the payment provider's page for a plan. Redirect the customer to `url`. */
  checkout: (body: api.CreateCheckoutRequest, options?: CallOptions) =>
    send('POST /billing/checkout', { body }, options),
  /** Opens the payment provider's page for prepaid credits. Redirect the customer to `url`. */
  topUp: (body: api.CreateTopUpRequest, options?: CallOptions) => send('POST /billing/top-up', { body }, options),
  /** What a period of an organization may cost, and what it cost until now. */
  getSpendCap: (input: OrganizationQuery, options?: CallOptions) =>
    send('GET /billing/spend-cap', { query: { ...input } }, options),
  /** Caps what a period may cost; a `cost_usd` of null takes the cap away. */
  setSpendCap: (body: api.SetSpendCapRequest, options?: CallOptions) =>
    send('PUT /billing/spend-cap', { body }, options),
})

export const buildPrices = (send: Send) => ({
  /** What models cost: your own prices, and the built-in ones. */
  find: (input: OrganizationQuery & { readonly provider?: string; readonly model?: string }, options?: CallOptions) =>
    send('GET /usage/prices', { query: { ...input } }, options),
  /** Your own prices. */
  list: (input: { readonly provider?: string; readonly model?: string } = {}, options?: CallOptions) =>
    send('GET /admin/prices', { query: { ...input } }, options),
  /** Sets a price of your own. Prices set before apply until its `valid_from`. */
  set: (body: api.CreateOwnModelPriceRequest, options?: CallOptions) => send('POST /admin/prices', { body }, options),
  delete: ({ price_id: id }: { readonly price_id: string }, options?: CallOptions) =>
    send('DELETE /admin/prices/{id}', { params: { id } }, options),
})

export const buildMeters = (send: Send) => ({
  /** All meters, the built-in ones among them. */
  list: (options?: CallOptions) => send('GET /admin/meters', {}, options),
  get: (params: MeterRef, options?: CallOptions) =>
    send('GET /admin/meters/{slug}', { params: { ...params } }, options),
  /** Defines a meter of your own. Its slug, kind and scale never change. */
  define: (body: api.CreateMeterRequest, options?: CallOptions) => send('POST /admin/meters', { body }, options),
  update: ({ slug, ...body }: MeterRef & api.UpdateMeterRequest, options?: CallOptions) =>
    send('PATCH /admin/meters/{slug}', { params: { slug }, body }, options),
  /** Deletes a meter that no plan or organization limits, and of which nothing was recorded. */
  delete: (params: MeterRef, options?: CallOptions) =>
    send('DELETE /admin/meters/{slug}', { params: { ...params } }, options),
})

interface MeterRef {
  readonly slug: string
}

/** In a path the operator's own id stands for the organization's, with its kind in front. */
export const splitOrganization = (
  { organization_id, external_id, ...body }: PathOrganization,
  params: Readonly<Record<string, string>> = {},
) => ({ params: { organization_id: organization_id ?? `external_id:${external_id ?? ''}`, ...params }, body })
