/** Invoices that contain only overage. No subscription shows whether they are paid, and no plan depends on it. */
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { isUnanswered } from '../providers/http.ts'
import type { BillingProvider, InvoiceState, ProviderName } from '../providers/provider.ts'

/** How many invoices one run checks, least recently checked first, and how many the drift report lists. */
const MAX_INVOICES = 200
/** After so many in a row that the provider did not answer for, it is down: the next run goes on. */
const MAX_FAILURES = 3

/** Also notes the check, so that invoices that cannot be read take their turn like all others. */
const CLAIM_OPEN = `
with chosen as materialized (
  select invoice_id from billing_usage_ledger where provider = $1 and invoice_state in ('open', 'unpaid')
  group by 1 order by min(invoice_checked_at) nulls first, 1 limit $2
), claimed as (
  update billing_usage_ledger set invoice_checked_at = $3
  where provider = $1 and invoice_id in (select invoice_id from chosen) and invoice_state in ('open', 'unpaid') returning invoice_id
)
select distinct invoice_id from claimed`

const IS_WATCHED = `
select 1 from billing_usage_ledger where provider = $1 and invoice_id = $2 and invoice_state in ('open', 'unpaid') limit 1`

const SET_STATE = `
with known as materialized (
  select identifier, invoice_state from billing_usage_ledger
  where provider = $1 and invoice_id = $2 and invoice_state in ('open', 'unpaid')
)
update billing_usage_ledger l set invoice_state = $3, invoice_checked_at = $4
from known k where l.identifier = k.identifier returning l.organization_id, k.invoice_state as before`

/** Checks the invoices that are open or unpaid. One that cannot be read does not stop the others; a provider that is down does. */
export async function checkInvoices(deps: Deps, provider: BillingProvider): Promise<void> {
  if (!provider.getInvoiceState) return
  const at = new Date(deps.now()).toISOString()
  let failures = 0
  for (const { invoice_id } of await deps.sql.query(CLAIM_OPEN, [provider.name, MAX_INVOICES, at])) {
    try {
      await checkInvoice(deps, provider, String(invoice_id))
      failures = 0
    } catch (error) {
      log('warn', 'overage_invoice_unread', { provider: provider.name, invoice: invoice_id, ...errorFields(error) })
      failures = isUnanswered(error) ? failures + 1 : 0
      if (failures === MAX_FAILURES) return
    }
  }
}

/**
 * Records the state of an invoice at its provider, and logs it if it became unpaid.
 *
 * @returns undefined if the invoice is not one of overage, or is already known to be paid or void
 */
export async function checkInvoice(
  deps: Deps,
  provider: BillingProvider,
  invoiceId: string,
): Promise<InvoiceState | undefined> {
  const known = await deps.sql.query(IS_WATCHED, [provider.name, invoiceId])
  const state = known.length > 0 ? await provider.getInvoiceState?.(invoiceId) : undefined
  if (!state) return undefined
  const at = new Date(deps.now()).toISOString()
  const rows = await deps.sql.query(SET_STATE, [provider.name, invoiceId, state, at])
  const news = rows.find(({ before }) => before !== state)
  if (news && state === 'unpaid') {
    log('error', 'overage_unpaid', {
      organization_id: news.organization_id,
      provider: provider.name,
      invoice: invoiceId,
    })
  }
  return state
}

export interface UnpaidInvoice {
  readonly invoice_id: string
  readonly organization_id: string
}

/** The invoices that were unpaid when they were last checked. */
export async function listUnpaid(deps: Deps, provider: ProviderName): Promise<UnpaidInvoice[]> {
  return (await deps.sql.query(
    `select distinct invoice_id, organization_id from billing_usage_ledger
     where provider = $1 and invoice_state = 'unpaid' order by invoice_id limit $2`,
    [provider, MAX_INVOICES],
  )) as UnpaidInvoice[]
}
