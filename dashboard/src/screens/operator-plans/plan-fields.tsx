import { useRead } from '../../api/hooks.ts'
import type { ApiError } from '../../api/problem.ts'
import { formatName } from '../../lib/format.ts'
import { Choice, Field, Fieldset, Input, Select, Textarea } from '../../ui/field.tsx'
import { CHARGED, METERS, type PlanForm } from './plan-form.ts'

interface PlanFieldsProps {
  readonly form: PlanForm
  readonly onChange: (change: Partial<PlanForm>) => void
  readonly error: ApiError | null
  readonly isNew: boolean
}

/** The fields that the server may name in a refusal. */
export const PLAN_FIELDS = [
  'id',
  'name',
  'prices',
  'trial_days',
  'markup_percent',
  'price_per_call_usd',
  'seats',
  'addons',
  'limits',
  'overage',
  'features',
  'sort_order',
] as const

export function PlanFields({ form, onChange, error, isNew }: PlanFieldsProps) {
  const custom = useRead('GET /admin/meters').data?.data.filter(({ is_builtin }) => !is_builtin) ?? []
  return (
    <>
      {isNew && (
        <Field label="Id" hint="Programs read it in verdicts. It never changes." error={error?.fieldError('id')}>
          <Input className="font-mono" value={form.id} onChange={({ target }) => onChange({ id: target.value })} />
        </Field>
      )}
      <Field label="Name" error={error?.fieldError('name')}>
        <Input value={form.name} onChange={({ target }) => onChange({ name: target.value })} />
      </Field>
      <OfferFields form={form} onChange={onChange} error={error} />
      <Field label="Requests a minute, each key" error={error?.fieldError('limits.rate_limit_per_minute')}>
        <Input inputMode="numeric" value={form.rate} onChange={({ target }) => onChange({ rate: target.value })} />
      </Field>
      <Field label="API keys" error={error?.fieldError('limits.max_api_keys')}>
        <Input inputMode="numeric" value={form.keys} onChange={({ target }) => onChange({ keys: target.value })} />
      </Field>
      <Fieldset legend="Limits a month" hint="Empty for no limit. Concepts and storage are what there is at a moment.">
        {METERS.map((meter) => (
          <MeterFields
            key={meter}
            meter={meter}
            label={formatName(meter)}
            form={form}
            onChange={onChange}
            error={error}
          />
        ))}
        {custom.map(({ slug, name }) => (
          <MeterFields key={slug} meter={slug} label={name} form={form} onChange={onChange} error={error} />
        ))}
      </Fieldset>
      <Fieldset
        legend="Overage"
        hint="One tier a line: the last unit above the limit or “rest”, then the price of one unit, such as “rest 0.00002”."
      >
        {CHARGED.map((meter) => (
          <Tiers key={meter} meter={meter} label={formatName(meter)} form={form} onChange={onChange} error={error} />
        ))}
        {custom
          .filter(({ kind }) => kind === 'counter')
          .map(({ slug, name }) => (
            <Tiers key={slug} meter={slug} label={name} form={form} onChange={onChange} error={error} />
          ))}
      </Fieldset>
      <Field label="Features" optional hint="One a line, such as support=email." error={error?.fieldError('features')}>
        <Textarea
          className="font-mono"
          value={form.features}
          onChange={({ target }) => onChange({ features: target.value })}
        />
      </Field>
      <Field label="Order" hint="Lower ones come first." error={error?.fieldError('sort_order')}>
        <Input inputMode="numeric" value={form.order} onChange={({ target }) => onChange({ order: target.value })} />
      </Field>
      <Choice
        label="Offer it in the catalogue"
        hint="Customers see it among the plans they can buy."
        checked={form.isPublic}
        onChange={({ target }) => onChange({ isPublic: target.checked })}
      />
    </>
  )
}

interface PartProps {
  readonly form: PlanForm
  readonly onChange: (change: Partial<PlanForm>) => void
  readonly error: ApiError | null
  readonly meter: string
  readonly label: string
}

/** What it costs: prices, trial, seats and add-ons. */
function OfferFields({ form, onChange, error }: Omit<PartProps, 'meter' | 'label'>) {
  return (
    <>
      <Field
        label="Prices"
        hint="One a line: interval, currency, amount, then what sells it, such as “year usd 190.00 stripe=price_1 polar=…”. A price of more seats is “seat=5.00”. None where the price is agreed upon in person."
        error={error?.fieldError('prices')}
      >
        <Textarea
          className="font-mono"
          value={form.prices}
          onChange={({ target }) => onChange({ prices: target.value })}
        />
      </Field>
      <Field
        label="Trial, days"
        hint="A first subscription costs nothing for so long."
        error={error?.fieldError('trial_days')}
      >
        <Input inputMode="numeric" value={form.trial} onChange={({ target }) => onChange({ trial: target.value })} />
      </Field>
      <Field
        label="Markup on the cost of models, percent"
        hint="Customers pay what a model costs you and this on top. They see one amount."
        error={error?.fieldError('markup_percent')}
      >
        <Input inputMode="decimal" value={form.markup} onChange={({ target }) => onChange({ markup: target.value })} />
      </Field>
      <Field
        label="Price of a call, US dollars"
        optional
        hint="Each call costs it, such as 0.0005: it is taken from credits and counts in the cost. Empty for none."
        error={error?.fieldError('price_per_call_usd')}
      >
        <Input
          inputMode="decimal"
          value={form.callPrice}
          onChange={({ target }) => onChange({ callPrice: target.value })}
        />
      </Field>
      <Field
        label="Seats"
        optional
        hint="Members that the price includes, such as 5, or 5-50 where no more than 50 are sold. Empty for any number."
        error={error?.fieldError('seats')}
      >
        <Input value={form.seats} onChange={({ target }) => onChange({ seats: target.value })} />
      </Field>
      <Field
        label="Add-ons"
        optional
        hint="A line with id, name and what it adds, such as “more_tokens More tokens: tokens=1000000”, and its prices below, each behind two spaces."
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

function MeterFields({ meter, label, form, onChange, error }: PartProps) {
  return (
    <div className="grid grid-cols-2 gap-3">
      <Field label={label} error={error?.fieldError(`limits.meters.${meter}`)}>
        <Input
          inputMode="decimal"
          value={form.limits[meter] ?? ''}
          placeholder="No limit"
          onChange={({ target }) => onChange({ limits: { ...form.limits, [meter]: target.value } })}
        />
      </Field>
      <Field label={`${label} at the limit`}>
        <Select
          value={form.atLimit[meter] ?? 'block'}
          onChange={({ target }) =>
            onChange({ atLimit: { ...form.atLimit, [meter]: target.value === 'allow' ? 'allow' : 'block' } })
          }
        >
          <option value="block">Refuse</option>
          <option value="allow">Go on</option>
        </Select>
      </Field>
    </div>
  )
}

function Tiers({ meter, label, form, onChange, error }: PartProps) {
  return (
    <Field label={`Overage of ${label}`} optional error={error?.fieldError(`overage.${meter}`)}>
      <Textarea
        rows={2}
        className="font-mono"
        value={form.tiers[meter] ?? ''}
        onChange={({ target }) => onChange({ tiers: { ...form.tiers, [meter]: target.value } })}
      />
    </Field>
  )
}
