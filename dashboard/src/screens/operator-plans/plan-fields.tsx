import { Choice, Field, Input, Textarea } from '../../ui/field.tsx'
import type { OwnMeters } from '../usage/meters.ts'
import { OverageFields, PlanLimitFields } from './limit-fields.tsx'
import { OfferFields, type PlanPartProps } from './offer-fields.tsx'

interface PlanFieldsProps extends PlanPartProps {
  readonly own: OwnMeters
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
  'included_credits_usd',
  'rollover_max_usd',
  'at_no_credits',
  'seats',
  'addons',
  'limits',
  'overage',
  'features',
  'sort_order',
] as const

export function PlanFields({ form, onChange, error, own, isNew }: PlanFieldsProps) {
  return (
    <>
      {isNew && (
        <Field
          label="Id"
          hint="Programs read it in verdicts. It cannot be changed later."
          error={error?.fieldError('id')}
        >
          <Input className="font-mono" value={form.id} onChange={({ target }) => onChange({ id: target.value })} />
        </Field>
      )}
      <Field label="Name" error={error?.fieldError('name')}>
        <Input value={form.name} onChange={({ target }) => onChange({ name: target.value })} />
      </Field>
      <OfferFields form={form} onChange={onChange} error={error} />
      <PlanLimitFields form={form} onChange={onChange} error={error} own={own} />
      <OverageFields form={form} onChange={onChange} error={error} own={own} />
      <Field
        label="Features"
        optional
        hint="One per line, such as support=email. Put a number that is text in quotation marks."
        error={error?.fieldError('features')}
      >
        <Textarea
          className="font-mono"
          value={form.features}
          onChange={({ target }) => onChange({ features: target.value })}
        />
      </Field>
      <Field label="Order" hint="Lower numbers come first." error={error?.fieldError('sort_order')}>
        <Input inputMode="numeric" value={form.order} onChange={({ target }) => onChange({ order: target.value })} />
      </Field>
      <Choice
        label="Offer in the catalog"
        hint="Customers see it among the plans they can buy."
        checked={form.isPublic}
        onChange={({ target }) => onChange({ isPublic: target.checked })}
      />
    </>
  )
}
