import type { Names } from './names.ts'

/** Methods about what is sold, for how much, and how customers pay. */
export const SELLING_METHODS: Readonly<Record<string, Names>> = {
  'GET /billing/plans': ['plans.offered', 'list_offered_plans', 'The plans that everybody can buy'],
  'GET /admin/plans': ['plans.list', 'list_plans', 'All plans, also those that are not on offer'],
  'POST /admin/plans': ['plans.create', 'create_plan'],
  'GET /admin/plans/{plan_id}': ['plans.get', 'get_plan'],
  'PATCH /admin/plans/{plan_id}': ['plans.update', 'update_plan', 'Changes the fields that are there'],
  'DELETE /admin/plans/{plan_id}': ['plans.delete', 'delete_plan'],
  'GET /admin/plans/{plan_id}/versions': ['plans.versions', 'list_plan_versions'],
  'POST /admin/plans/{plan_id}/move': ['plans.move', 'move_plan'],
  'GET /admin/meters': ['meters.list', 'list_meters', 'All meters, the built-in ones among them'],
  'GET /admin/meters/{slug}': ['meters.get', 'get_meter', 'A meter by its slug'],
  'POST /admin/meters': [
    'meters.define',
    'define_meter',
    'Defines a meter of your own. Its slug, kind and scale never change',
  ],
  'PATCH /admin/meters/{slug}': ['meters.update', 'update_meter', 'Changes the name or the unit of a meter'],
  'DELETE /admin/meters/{slug}': [
    'meters.delete',
    'delete_meter',
    'Deletes a meter that no plan or organization limits, and of which nothing was recorded',
  ],
  'GET /usage/prices': ['prices.find', 'find_prices', 'What models cost: your own prices, and the built-in ones'],
  'GET /admin/prices': ['prices.list', 'list_prices', 'Your own prices'],
  'POST /admin/prices': [
    'prices.set',
    'set_price',
    'Sets a price of your own. Prices set before apply until its `valid_from`',
  ],
  'DELETE /admin/prices/{id}': ['prices.delete', 'delete_price', 'Deletes a price. Recorded events keep their cost'],
  'GET /credits': ['credits.get', 'get_credits', 'The balance of a customer, and the grants that it consists of'],
  'GET /credits/ledger': [
    'credits.ledger',
    'list_credit_ledger',
    'One page of the changes of the balance, newest first',
  ],
  'POST /admin/organizations/{organization_id}/credits': [
    'credits.grant',
    'grant_credits',
    'Gives credits. A repeat with the same idempotency key gives them once',
  ],
  'POST /admin/organizations/{organization_id}/credits/{grant_id}/revoke': ['credits.revoke', 'revoke_credits'],
  'POST /admin/organizations/{organization_id}/credits/{grant_id}/correct': [
    'credits.correct',
    'correct_credits',
    'Adds to a grant, or takes from it with an `amount` below 0',
  ],
  'PUT /credits/low-balance': [
    'credits.setLowBalance',
    'set_low_balance',
    'Sets the balance at which endpoints get `credits.low`',
  ],
  'GET /auth/billing/info': ['billing.info', 'billing_info', 'Plan, subscription, use and cost of a customer'],
  'POST /billing/checkout': [
    'billing.checkout',
    'checkout',
    "Opens the payment provider's page for a plan. Redirect the customer to `url`",
  ],
  'POST /billing/preview': ['billing.preview', 'preview_change', 'What a change of the subscription would cost'],
  'POST /billing/change': ['billing.change', 'change_subscription'],
  'POST /billing/cancel': ['billing.cancel', 'cancel_subscription'],
  'POST /billing/resume': ['billing.resume', 'resume_subscription'],
  'POST /billing/portal': [
    'billing.portal',
    'billing_portal',
    "Opens the payment provider's page for cards and invoices. Redirect the customer to `url`",
  ],
  'POST /billing/top-up': [
    'billing.topUp',
    'top_up',
    "Opens the payment provider's page for prepaid credits. Redirect the customer to `url`",
  ],
  'GET /billing/spend-cap': [
    'billing.getSpendCap',
    'get_spend_cap',
    'What a period of a customer may cost, and what it cost until now',
  ],
  'PUT /billing/spend-cap': [
    'billing.setSpendCap',
    'set_spend_cap',
    'Caps what a period may cost; a `cost_usd` of null takes the cap away',
  ],
  'GET /admin/billing/ledger': ['billing.overage', 'billing_overage', 'What a customer used beyond its plan, by meter'],
}
