import { Field, Fieldset, Input, Select, Textarea } from '../../ui/field.tsx'
import { COST_HINT, LimitFields } from '../keys/limit-fields.tsx'
import { AmountField } from '../shared/money-field.tsx'
import { meterName, type OwnMeters } from '../usage/meters.ts'
import type { PlanPartProps } from './offer-fields.tsx'
import { CHARGED, METERS } from './plan-form.ts'

interface PlanLimitProps extends PlanPartProps {
  readonly own: OwnMeters
}

interface MeterProps extends PlanPartProps {
  readonly meter: string
  readonly label: string
}

const UNITS: Readonly<Record<string, string>> = { cost_usd: 'US dollars', storage_gb: 'GB' }

const labelWithUnit = (meter: string) => `${meterName(meter)}${UNITS[meter] ? `, ${UNITS[meter]}` : ''}`

/** A unit of cost is so small that its price can have decimals. */
const chargedName = (meter: string) => (meter === 'cost_usd' ? 'Cost, millionths of a dollar' : meterName(meter))

/** What bounds each key, and what bounds all of them together. */
export function PlanLimitFields({ form, onChange, error, own }: PlanLimitProps) {
  return (
    <>
      <Field label="Requests per minute, per key" error={error?.fieldError('limits.rate_limit_per_minute')}>
        <Input inputMode="numeric" value={form.rate} onChange={({ target }) => onChange({ rate: target.value })} />
      </Field>
      <LimitFields
        legend="Limits of every key"
        hint={`A key’s own limit with the same name replaces the plan’s limit if it is at least as strict. ${COST_HINT}`}
        limits={form.keyLimits}
        own={own}
        onChange={(keyLimits) => onChange({ keyLimits })}
        error={error?.fieldError('limits.key_limits')}
      />
      <LimitFields
        legend="Limits of all keys together"
        of="organization"
        hint={`All keys of an organization count toward these, as does usage reported without a key. ${COST_HINT}`}
        limits={form.organizationLimits}
        own={own}
        onChange={(organizationLimits) => onChange({ organizationLimits })}
        error={error?.fieldError('limits.organization_limits')}
      />
      <Field label="API keys" error={error?.fieldError('limits.max_api_keys')}>
        <Input inputMode="numeric" value={form.keys} onChange={({ target }) => onChange({ keys: target.value })} />
      </Field>
      <Field
        label="Concurrent reservations per key"
        optional
        hint="The most that may be open at the same time. A key can have its own limit. Leave empty for no limit."
        error={error?.fieldError('limits.key_max_concurrent')}
      >
        <Input
          inputMode="numeric"
          value={form.keyConcurrent}
          onChange={({ target }) => onChange({ keyConcurrent: target.value })}
        />
      </Field>
      <Field
        label="Concurrent reservations, all keys"
        optional
        hint="The most that may be open in an organization at the same time. Leave empty for no limit."
        error={error?.fieldError('limits.max_concurrent')}
      >
        <Input
          inputMode="numeric"
          value={form.concurrent}
          onChange={({ target }) => onChange({ concurrent: target.value })}
        />
      </Field>
      <Fieldset legend="Limits per month" hint="Leave empty for no limit. Concepts and storage are current levels.">
        {METERS.map((meter) => (
          <MeterFields
            key={meter}
            meter={meter}
            label={labelWithUnit(meter)}
            form={form}
            onChange={onChange}
            error={error}
          />
        ))}
        {Object.entries(own).map(([slug, { name }]) => (
          <MeterFields key={slug} meter={slug} label={name} form={form} onChange={onChange} error={error} />
        ))}
      </Fieldset>
    </>
  )
}

function MeterFields({ meter, label, form, onChange, error }: MeterProps) {
  return (
    <div className="grid grid-cols-2 items-end gap-3">
      <AmountField
        label={label}
        isMoney={meter === 'cost_usd'}
        error={error?.fieldError(`limits.meters.${meter}`)}
        value={form.limits[meter] ?? ''}
        placeholder="No limit"
        onChange={(text) => onChange({ limits: { ...form.limits, [meter]: text } })}
      />
      <Field label={`${label} at the limit`}>
        <Select
          value={form.atLimit[meter] ?? 'block'}
          onChange={({ target }) =>
            onChange({ atLimit: { ...form.atLimit, [meter]: target.value === 'allow' ? 'allow' : 'block' } })
          }
        >
          <option value="block">Refuse</option>
          <option value="allow">Allow</option>
        </Select>
      </Field>
    </div>
  )
}

/** What units above the limits cost. */
export function OverageFields({ form, onChange, error, own }: PlanLimitProps) {
  return (
    <Fieldset
      legend="Overage"
      hint="One tier per line: the last unit above the limit or “rest”, then the price per unit, such as “rest 0.00002”. Below them, if they differ from the meter’s own, the names at the providers: “polar_event=…”, “stripe_meter=…”, and “stripe_price_id=…” for usage that you report to Stripe yourself."
    >
      {CHARGED.map((meter) => (
        <Tiers key={meter} meter={meter} label={chargedName(meter)} form={form} onChange={onChange} error={error} />
      ))}
      {Object.entries(own)
        .filter(([, { kind }]) => kind === 'counter')
        .map(([slug, { name }]) => (
          <Tiers key={slug} meter={slug} label={name} form={form} onChange={onChange} error={error} />
        ))}
    </Fieldset>
  )
}

function Tiers({ meter, label, form, onChange, error }: MeterProps) {
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
