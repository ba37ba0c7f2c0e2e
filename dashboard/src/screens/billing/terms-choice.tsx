import type { BillingInfo, CatalogPlan } from '../../api/types.ts'
import { Field, Select } from '../../ui/field.tsx'
import { listCurrencies, listIntervals, type Terms } from './plan-price.ts'

interface TermsChoiceProps {
  readonly info: BillingInfo
  readonly plans: readonly CatalogPlan[]
  readonly terms: Terms
  readonly onChange: (terms: Terms) => void
}

/** By the month or by the year, and in which currency. A subscription keeps its currency. */
export function TermsChoice({ info, plans, terms, onChange }: TermsChoiceProps) {
  const intervals = listIntervals(plans)
  const currencies = info.subscription ? [info.subscription.currency] : listCurrencies(plans)
  if (intervals.length < 2 && currencies.length < 2) return null
  return (
    <div className="flex flex-wrap gap-3">
      {intervals.length > 1 && (
        <Field label="Billed every">
          <Select
            value={terms.interval}
            onChange={({ target }) => onChange({ ...terms, interval: target.value === 'year' ? 'year' : 'month' })}
          >
            <option value="month">Month</option>
            <option value="year">Year</option>
          </Select>
        </Field>
      )}
      {currencies.length > 1 && (
        <Field label="Currency">
          <Select value={terms.currency} onChange={({ target }) => onChange({ ...terms, currency: target.value })}>
            {currencies.map((currency) => (
              <option key={currency} value={currency}>
                {currency.toUpperCase()}
              </option>
            ))}
          </Select>
        </Field>
      )}
    </div>
  )
}
