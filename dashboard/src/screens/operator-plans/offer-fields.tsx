import type { ApiError } from '../../api/problem.ts'
import { Field, Input, Select, Textarea } from '../../ui/field.tsx'
import { MoneyField } from '../shared/money-field.tsx'
import type { PlanForm } from './plan-form.ts'

export interface PlanPartProps {
  readonly form: PlanForm
  readonly onChange: (change: Partial<PlanForm>) => void
  readonly error: ApiError | null
}

/** What it costs: prices, trial, seats and add-ons. */
export function OfferFields({ form, onChange, error }: PlanPartProps) {
  return (
    <>
      <Field
        label="Prices"
        hint="One per line: interval, currency, amount, then the product that sells it, such as “year usd 190.00 stripe=price_1 polar=…”. Add “seat=5.00” as the price of each additional seat. Leave empty if the price is agreed in person."
        error={error?.fieldError('prices')}
      >
        <Textarea
          className="font-mono"
          value={form.prices}
          onChange={({ target }) => onChange({ prices: target.value })}
        />
      </Field>
      <Field label="Trial, days" hint="How long a first subscription is free." error={error?.fieldError('trial_days')}>
        <Input inputMode="numeric" value={form.trial} onChange={({ target }) => onChange({ trial: target.value })} />
      </Field>
      <Field
        label="Markup on the cost of models, percent"
        hint="Added to what a model costs you. Customers see one amount."
        error={error?.fieldError('markup_percent')}
      >
        <Input inputMode="decimal" value={form.markup} onChange={({ target }) => onChange({ markup: target.value })} />
      </Field>
      <MoneyField
        label="Price per call, US dollars"
        optional
        hint="Charged for each call, such as 0.0005. It is deducted from credits and included in the cost. Leave empty for none."
        error={error?.fieldError('price_per_call_usd')}
        value={form.callPrice}
        onChange={(callPrice) => onChange({ callPrice })}
      />
      <CreditFields form={form} onChange={onChange} error={error} />
      <Field
        label="Seats"
        optional
        hint="Members included in the price, such as 5, or 5-50 to sell at most 50. Leave empty for any number."
        error={error?.fieldError('seats')}
      >
        <Input value={form.seats} onChange={({ target }) => onChange({ seats: target.value })} />
      </Field>
      <Field
        label="Add-ons"
        optional
        hint="One line with id, name and what it adds, such as “more_tokens More tokens: tokens=1000000”. Its prices follow, one per line, indented by two spaces."
        error={error?.fieldError('addons')}
      >
        <Textarea
          className="font-mono"
          value={form.addons}
          onChange={({ target }) => onChange({ addons: target.value })}
        />
      </Field>
    </>
  )
}

/** What each period begins with, and what is when nothing is left. */
function CreditFields({ form, onChange, error }: PlanPartProps) {
  return (
    <>
      <MoneyField
        label="Included credits, US dollars"
        optional
        hint="Granted at the start of each usage period. Leave empty for none."
        error={error?.fieldError('included_credits_usd')}
        value={form.credits}
        onChange={(credits) => onChange({ credits })}
      />
      <MoneyField
        label="Rollover, US dollars"
        optional
        hint="Included credits left over, up to this amount, are granted again in the next period. Leave empty for none."
        error={error?.fieldError('rollover_max_usd')}
        value={form.rollover}
        onChange={(rollover) => onChange({ rollover })}
      />
      <Field
        label="When credits are used up"
        hint="For customers who have used credits, also where the plan includes none. Calls that continue fall under its other limits and prices."
        error={error?.fieldError('at_no_credits')}
      >
        <Select
          value={form.atNoCredits}
          onChange={({ target }) => onChange({ atNoCredits: target.value === 'allow' ? 'allow' : 'block' })}
        >
          <option value="block">Calls are refused</option>
          <option value="allow">Calls continue</option>
        </Select>
      </Field>
    </>
  )
}
