import type { ApiError } from '../../api/problem.ts'
import { Field, Input, Select, Textarea } from '../../ui/field.tsx'
import { useOwnMeters } from '../usage/own-meters.ts'
import type { KeyForm } from './key-form.ts'
import { COST_HINT, LimitFields } from './limit-fields.tsx'

/** The fields that the server may name in a refusal. */
export const KEY_FIELDS = [
  'name',
  'description',
  'scopes',
  'custom_rate_limit',
  'limits',
  'max_concurrent',
  'expires_at',
  'allowed_ips',
  'metadata',
] as const

interface KeyFieldsProps {
  readonly form: KeyForm
  readonly onChange: (change: Partial<KeyForm>) => void
  readonly error: ApiError | null
  readonly wrong: Partial<Record<keyof KeyForm, string>>
  /** Whether the key exists already. */
  readonly isEdit?: boolean
}

export function KeyFields({ form, onChange, error, wrong, isEdit = false }: KeyFieldsProps) {
  return (
    <>
      <Field label="Name" hint="What uses the key." error={error?.fieldError('name')}>
        <Input name="name" autoFocus value={form.name} onChange={({ target }) => onChange({ name: target.value })} />
      </Field>
      <Field label="Description" optional error={error?.fieldError('description')}>
        <Input value={form.description} onChange={({ target }) => onChange({ description: target.value })} />
      </Field>
      <Field
        label="Scopes"
        optional
        hint="Separated by spaces, such as reports:read. A verification can require them."
        error={error?.fieldError('scopes')}
      >
        <Input
          className="font-mono"
          value={form.scopes}
          onChange={({ target }) => onChange({ scopes: target.value })}
        />
      </Field>
      <KeyLimitFields form={form} onChange={onChange} error={error} wrong={wrong} />
      <Field label="Expires" error={error?.fieldError('expires_at')}>
        <Select value={form.expiry} onChange={({ target }) => onChange({ expiry: target.value, chosenAt: Date.now() })}>
          {isEdit && <option value="keep">No change</option>}
          <option value="never">Never</option>
          <option value="7">In 7 days</option>
          <option value="30">In 30 days</option>
          <option value="90">In 90 days</option>
          <option value="date">On a date</option>
        </Select>
      </Field>
      {form.expiry === 'date' && (
        <Field label="Last day" error={wrong.date}>
          <Input type="date" value={form.date} onChange={({ target }) => onChange({ date: target.value })} />
        </Field>
      )}
      <Field
        label="Allowed addresses"
        optional
        hint="IP addresses or ranges such as 203.0.113.0/24, one per line. Leave empty to allow any address."
        error={error?.fieldError('allowed_ips')}
      >
        <Textarea
          className="font-mono"
          value={form.addresses}
          onChange={({ target }) => onChange({ addresses: target.value })}
        />
      </Field>
      <Field
        label="Metadata"
        optional
        hint="Your own JSON object. Each verification returns it."
        error={wrong.metadata ?? error?.fieldError('metadata')}
      >
        <Textarea
          className="font-mono"
          value={form.metadata}
          onChange={({ target }) => onChange({ metadata: target.value })}
        />
      </Field>
    </>
  )
}

/** What bounds the use of a key. */
function KeyLimitFields({ form, onChange, error, wrong }: KeyFieldsProps) {
  const own = useOwnMeters()
  return (
    <>
      <Field
        label="Rate limit"
        optional
        hint="Requests in any 60 seconds. Leave empty to use the plan’s limit."
        error={wrong.rate ?? error?.fieldError('custom_rate_limit')}
      >
        <Input inputMode="numeric" value={form.rate} onChange={({ target }) => onChange({ rate: target.value })} />
      </Field>
      <LimitFields
        legend="More limits"
        hint={`Limit requests, tokens, US dollars or another meter in a rolling window or a calendar period. All limits are checked together with the rate limit. ${COST_HINT}`}
        limits={form.limits}
        own={own}
        onChange={(limits) => onChange({ limits })}
        error={wrong.limits ?? error?.fieldError('limits')}
      />
      <Field
        label="Concurrent reservations"
        optional
        hint="The most that may be open at the same time. Leave empty to use the plan’s limit."
        error={wrong.concurrent ?? error?.fieldError('max_concurrent')}
      >
        <Input
          inputMode="numeric"
          value={form.concurrent}
          onChange={({ target }) => onChange({ concurrent: target.value })}
        />
      </Field>
    </>
  )
}
