import type { ApiError } from '../../api/problem.ts'
import type { ApiKey, UpdateApiKeyRequest } from '../../api/types.ts'
import { Field, Input, Select, Textarea } from '../../ui/field.tsx'
import { useOwnMeters } from '../usage/own-meters.ts'
import { COST_HINT, LimitFields } from './limit-fields.tsx'
import { isCount, type LimitForm, toLimitForm, toLimits } from './limit-form.ts'

/** What a form of a key holds: text, as it is typed. */
export interface KeyForm {
  readonly name: string
  readonly description: string
  readonly scopes: string
  readonly rate: string
  readonly limits: readonly LimitForm[]
  readonly concurrent: string
  /** Days from now, `date`, `never`, or `keep` for what it is. */
  readonly expiry: string
  readonly date: string
  readonly addresses: string
  readonly metadata: string
}

export const NEW_KEY: KeyForm = {
  name: '',
  description: '',
  scopes: '',
  rate: '',
  limits: [],
  concurrent: '',
  expiry: 'never',
  date: '',
  addresses: '',
  metadata: '',
}

export const toKeyForm = (key: ApiKey): KeyForm => ({
  name: key.name,
  description: key.description ?? '',
  scopes: key.scopes.join(' '),
  rate: key.custom_rate_limit === null ? '' : String(key.custom_rate_limit),
  limits: key.limits.map(toLimitForm),
  concurrent: key.max_concurrent === null ? '' : String(key.max_concurrent),
  expiry: 'keep',
  date: '',
  addresses: (key.allowed_ips ?? []).join('\n'),
  metadata: Object.keys(key.metadata).length > 0 ? JSON.stringify(key.metadata, null, 2) : '',
})

const DAY_MS = 86_400_000
const words = (text: string) => text.split(/[\s,]+/).filter(Boolean)

/** @returns the body of a request, or what is wrong with a field that the server would not understand */
export function toKeyBody(
  form: KeyForm,
): { body: UpdateApiKeyRequest } | { wrong: Partial<Record<keyof KeyForm, string>> } {
  const metadata = parseMetadata(form.metadata)
  if (metadata === undefined) return { wrong: { metadata: 'Enter a JSON object, such as {"team": "search"}.' } }
  if (form.expiry === 'date' && Number.isNaN(Date.parse(form.date))) return { wrong: { date: 'Choose a date.' } }
  if (!isOptionalCount(form.rate)) return { wrong: { rate: WHOLE } }
  if (!isOptionalCount(form.concurrent)) return { wrong: { concurrent: WHOLE } }
  const limits = toLimits(form.limits)
  if (!limits)
    return {
      wrong: { limits: 'Each limit needs a name and a number of units: a whole number, except for US dollars.' },
    }
  const addresses = words(form.addresses)
  return {
    body: {
      name: form.name.trim(),
      description: form.description.trim() || null,
      scopes: words(form.scopes),
      custom_rate_limit: toCount(form.rate),
      limits,
      max_concurrent: toCount(form.concurrent),
      allowed_ips: addresses.length > 0 ? addresses : null,
      metadata,
      ...(form.expiry !== 'keep' && { expires_at: expiryTime(form) }),
    },
  }
}

const WHOLE = 'Enter a whole number, 1 or more.'
const isOptionalCount = (text: string) => text.trim() === '' || isCount(text)
const toCount = (text: string) => (text.trim() === '' ? null : Number(text))

function expiryTime({ expiry, date }: KeyForm): string | null {
  if (expiry === 'never') return null
  if (expiry === 'date') return new Date(`${date}T23:59:59`).toISOString()
  return new Date(Date.now() + Number(expiry) * DAY_MS).toISOString()
}

function parseMetadata(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

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
        <Select value={form.expiry} onChange={({ target }) => onChange({ expiry: target.value })}>
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
