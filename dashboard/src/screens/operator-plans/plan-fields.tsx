import type { ApiError } from '../../api/problem.ts'
import { formatName } from '../../lib/format.ts'
import { Choice, Field, Fieldset, Input, Select, Textarea } from '../../ui/field.tsx'
import { CHARGED, type ChargedMeter, METERS, type Meter, type PlanForm } from './plan-form.ts'

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
  'price_per_month_cents',
  'limits',
  'overage',
  'features',
  'sort_order',
  'polar_product_id',
  'stripe_price_id',
] as const

export function PlanFields({ form, onChange, error, isNew }: PlanFieldsProps) {
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
      <Field
        label="Price a month, US dollars"
        hint="Empty where it is agreed upon in person."
        error={error?.fieldError('price_per_month_cents')}
      >
        <Input inputMode="decimal" value={form.price} onChange={({ target }) => onChange({ price: target.value })} />
      </Field>
      <Field label="Requests a minute, each key" error={error?.fieldError('limits.rate_limit_per_minute')}>
        <Input inputMode="numeric" value={form.rate} onChange={({ target }) => onChange({ rate: target.value })} />
      </Field>
      <Field label="API keys" error={error?.fieldError('limits.max_api_keys')}>
        <Input inputMode="numeric" value={form.keys} onChange={({ target }) => onChange({ keys: target.value })} />
      </Field>
      <Fieldset legend="Limits a month" hint="Empty for no limit. Concepts and storage are what there is at a moment.">
        {METERS.map((meter) => (
          <MeterFields key={meter} meter={meter} form={form} onChange={onChange} error={error} />
        ))}
      </Fieldset>
      <Fieldset
        legend="Overage"
        hint="One tier a line: the last unit above the limit or “rest”, then the price of one unit, such as “rest 0.00002”."
      >
        {CHARGED.map((meter) => (
          <Tiers key={meter} meter={meter} form={form} onChange={onChange} error={error} />
        ))}
      </Fieldset>
      <Field label="Features" optional hint="One a line, such as support=email." error={error?.fieldError('features')}>
        <Textarea
          className="font-mono"
          value={form.features}
          onChange={({ target }) => onChange({ features: target.value })}
        />
      </Field>
      <Field label="Polar product" optional error={error?.fieldError('polar_product_id')}>
        <Input className="font-mono" value={form.polar} onChange={({ target }) => onChange({ polar: target.value })} />
      </Field>
      <Field label="Stripe price" optional error={error?.fieldError('stripe_price_id')}>
        <Input
          className="font-mono"
          value={form.stripe}
          onChange={({ target }) => onChange({ stripe: target.value })}
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
}

function MeterFields({ meter, form, onChange, error }: PartProps & { readonly meter: Meter }) {
  return (
    <div className="grid grid-cols-2 gap-3">
      <Field label={formatName(meter)} error={error?.fieldError(`limits.meters.${meter}`)}>
        <Input
          inputMode="decimal"
          value={form.limits[meter]}
          placeholder="No limit"
          onChange={({ target }) => onChange({ limits: { ...form.limits, [meter]: target.value } })}
        />
      </Field>
      <Field label={`${formatName(meter)} at the limit`}>
        <Select
          value={form.atLimit[meter]}
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

function Tiers({ meter, form, onChange, error }: PartProps & { readonly meter: ChargedMeter }) {
  return (
    <Field label={`Overage of ${formatName(meter)}`} optional error={error?.fieldError(`overage.${meter}`)}>
      <Textarea
        rows={2}
        className="font-mono"
        value={form.tiers[meter]}
        onChange={({ target }) => onChange({ tiers: { ...form.tiers, [meter]: target.value } })}
      />
    </Field>
  )
}
