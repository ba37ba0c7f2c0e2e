import type { ReactNode } from 'react'
import type { ApiError } from '../../api/problem.ts'
import { Choice, Field, Fieldset, Input, Select, Textarea } from '../../ui/field.tsx'
import { HeaderFields } from './header-fields.tsx'
import { METER_KINDS, type MeterKind, type RouteForm } from './route-form.ts'

interface RouteFieldsProps {
  readonly form: RouteForm
  readonly onChange: (change: Partial<RouteForm>) => void
  readonly error: ApiError | null
}

/** The fields that the server may name in a refusal. */
export const ROUTE_FIELDS = [
  'slug',
  'upstream',
  'match',
  'meter',
  'add_headers',
  'timeout_ms',
  'scopes',
  'cost',
  'limits',
  'public_paths',
] as const

type TextName = { [Name in keyof RouteForm]: RouteForm[Name] extends string ? Name : never }[keyof RouteForm]

export function RouteFields(props: RouteFieldsProps) {
  return (
    <>
      <AddressFields {...props} />
      <MeterFields {...props} />
      <HeaderFields
        headers={props.form.headers}
        error={props.error?.fieldError('add_headers')}
        onChange={(headers) => props.onChange({ headers })}
      />
      <DemandFields {...props} />
    </>
  )
}

/** One line, or several of them, of text. */
function text({ form, onChange }: RouteFieldsProps, name: TextName, lines?: true): ReactNode {
  const control = {
    value: form[name],
    onChange: ({ target }: { target: { value: string } }) => onChange({ [name]: target.value }),
    className: 'font-mono',
  }
  return lines ? <Textarea {...control} /> : <Input {...control} />
}

function AddressFields(props: RouteFieldsProps) {
  const { form, onChange, error } = props
  return (
    <>
      <Field label="Slug" hint={`Callers use /gw/${form.slug || '…'}.`} error={error?.fieldError('slug')}>
        {text(props, 'slug')}
      </Field>
      <Field
        label="Upstream"
        hint="Where requests go, such as https://api.openai.com."
        error={error?.fieldError('upstream')}
      >
        {text(props, 'upstream')}
      </Field>
      <Field
        label="Path prefix"
        hint="Only paths below it are forwarded."
        error={error?.fieldError('match.path_prefix')}
      >
        {text(props, 'prefix')}
      </Field>
      <Choice
        label="Remove the prefix upstream"
        checked={form.isStripped}
        onChange={({ target }) => onChange({ isStripped: target.checked })}
      />
      <Field
        label="Host"
        optional
        hint="One of your own hosts in GATEWAY_HOSTS, such as api.example.com."
        error={error?.fieldError('match.host')}
      >
        {text(props, 'host')}
      </Field>
    </>
  )
}

function MeterFields(props: RouteFieldsProps) {
  const { form, onChange, error } = props
  return (
    <>
      <Field
        label="What to count"
        hint="Tokens are reserved before a request, and settled with what the provider reports."
        error={form.meter === 'from_header' ? undefined : error?.fieldError('meter')}
      >
        <Select value={form.meter} onChange={({ target }) => onChange({ meter: target.value as MeterKind })}>
          {METER_KINDS.map(([kind, label]) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      {form.meter === 'from_header' && (
        <Field
          label="Usage headers"
          hint="One per line, such as input_tokens=X-Input-Tokens, or your own meter: images=X-Images. Callers do not see them."
          error={error?.fieldError('meter')}
        >
          {text(props, 'meterHeaders', true)}
        </Field>
      )}
    </>
  )
}

function DemandFields(props: RouteFieldsProps) {
  const { form, onChange, error } = props
  return (
    <>
      <Field
        label="Scopes"
        optional
        hint="One per line. The key needs all of them."
        error={error?.fieldError('scopes')}
      >
        {text(props, 'scopes', true)}
      </Field>
      <Field label="Cost" hint="Units of the rate limit and the quota per request." error={error?.fieldError('cost')}>
        {text(props, 'cost')}
      </Field>
      <Field
        label="Key limits"
        optional
        hint="Units per request, one per line, such as reports=1."
        error={error?.fieldError('limits')}
      >
        {text(props, 'limits', true)}
      </Field>
      <Field
        label="Timeout, seconds"
        hint="Until the response starts. A stream may last longer."
        error={error?.fieldError('timeout_ms')}
      >
        {text(props, 'timeout')}
      </Field>
      <Field
        label="Public paths"
        optional
        hint="They need no key. One per line, such as /health or /docs/*."
        error={error?.fieldError('public_paths')}
      >
        {text(props, 'publicPaths', true)}
      </Field>
      <Fieldset legend="State">
        <Choice
          label="Forward requests"
          hint="When off, the address returns 404."
          checked={form.isEnabled}
          onChange={({ target }) => onChange({ isEnabled: target.checked })}
        />
      </Fieldset>
    </>
  )
}
