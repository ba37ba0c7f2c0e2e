import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { ApiError } from '../../api/problem.ts'
import type { CreateOwnModelPriceRequest } from '../../api/types.ts'
import { readTypedDecimal } from '../../lib/typed-number.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input, Select } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { MoneyField } from '../shared/money-field.tsx'
import { isToken, KIND_NAMES, KINDS, type PriceKind } from './kinds.ts'

/** The fields that the server may name in a refusal. */
const FIELDS = ['provider', 'model', 'kind', 'usd_per_million', 'usd_per_unit', 'valid_from'] as const

/** What the form holds: text, as it is typed. */
interface PriceForm {
  readonly provider: string
  readonly model: string
  readonly kind: PriceKind
  readonly price: string
  /** In the time zone of the browser; empty for now. */
  readonly from: string
}

const NEW_PRICE: PriceForm = { provider: '', model: '', kind: 'input', price: '', from: '' }

/** What is no price or no time is sent as it is typed, for the server to say what is wrong with it. */
function toBody({ provider, model, kind, price, from }: PriceForm): CreateOwnModelPriceRequest {
  const at = new Date(from)
  const usd = readTypedDecimal(price)
  return {
    provider: provider.trim(),
    model: model.trim(),
    kind,
    ...(isToken(kind) ? { usd_per_million: usd } : { usd_per_unit: usd }),
    ...(from && { valid_from: Number.isNaN(at.getTime()) ? from : at.toISOString() }),
  }
}

export function AddPrice({ onClose }: { readonly onClose: () => void }) {
  const [form, setForm] = useState(NEW_PRICE)
  const { mutate, error, isPending } = useChange('POST /admin/prices')
  const add = () =>
    mutate(
      { body: toBody(form) },
      {
        onSuccess() {
          onClose()
          toast('Price added', 'It applies to events within six seconds.')
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Add price">
      <Form onSubmit={add}>
        <ErrorNotice error={error} except={FIELDS} />
        <Fields form={form} onChange={(change) => setForm({ ...form, ...change })} error={error} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Add price
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

interface FieldsProps {
  readonly form: PriceForm
  readonly onChange: (change: Partial<PriceForm>) => void
  readonly error: ApiError | null
}

function Fields({ form, onChange, error }: FieldsProps) {
  return (
    <>
      <Field
        label="Provider"
        hint="As named in events, such as openai, or * for any provider."
        error={error?.fieldError('provider')}
      >
        <Input
          autoFocus
          autoComplete="off"
          className="font-mono"
          value={form.provider}
          onChange={({ target }) => onChange({ provider: target.value })}
        />
      </Field>
      <Field
        label="Model"
        hint="A name or a pattern: gpt-4o* matches every model that starts with gpt-4o."
        error={error?.fieldError('model')}
      >
        <Input
          autoComplete="off"
          className="font-mono"
          value={form.model}
          onChange={({ target }) => onChange({ model: target.value })}
        />
      </Field>
      <Field label="What is priced" error={error?.fieldError('kind')}>
        <Select value={form.kind} onChange={({ target }) => onChange({ kind: target.value as PriceKind })}>
          {KIND_NAMES.map((kind) => (
            <option key={kind} value={kind}>
              {KINDS[kind]}
            </option>
          ))}
        </Select>
      </Field>
      <MoneyField
        label={isToken(form.kind) ? 'US dollars per million tokens' : 'US dollars each'}
        hint="What the provider charges you. 0 if it is free."
        error={error?.fieldError('usd_per_million') ?? error?.fieldError('usd_per_unit')}
        value={form.price}
        onChange={(price) => onChange({ price })}
      />
      <Field
        label="Valid from"
        optional
        hint="In your time zone. Leave empty for now."
        error={error?.fieldError('valid_from')}
      >
        <Input type="datetime-local" value={form.from} onChange={({ target }) => onChange({ from: target.value })} />
      </Field>
    </>
  )
}
