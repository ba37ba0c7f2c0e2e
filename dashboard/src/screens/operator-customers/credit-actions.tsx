import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { ApiError } from '../../api/problem.ts'
import type { AdminOrganization, CreditGrant } from '../../api/types.ts'
import { readTypedDecimal } from '../../lib/typed-number.ts'
import { Button, type ButtonLook } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input, Select } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { formatExact } from '../shared/credits/words.ts'
import { MoneyField } from '../shared/money-field.tsx'

export interface CreditActionProps {
  readonly customer: AdminOrganization
  readonly act: { readonly name: 'grant' } | { readonly name: 'revoke' | 'correct'; readonly grant: CreditGrant }
  readonly onClose: () => void
}

/** The dialog of one act on a customer's credits. */
export function CreditAction({ act, ...rest }: CreditActionProps) {
  if (act.name === 'grant') return <Grant {...rest} />
  return act.name === 'revoke' ? <Revoke {...rest} grant={act.grant} /> : <Correct {...rest} grant={act.grant} />
}

type GrantProps = Omit<CreditActionProps, 'act'>
type ChangeProps = GrantProps & { readonly grant: CreditGrant }

function Grant({ customer, onClose }: GrantProps) {
  const [amount, setAmount] = useState('')
  const [reason, setReason] = useState('')
  const [source, setSource] = useState<Source>('admin')
  const [date, setDate] = useState('')
  const [priority, setPriority] = useState('0')
  const { mutate, error, isPending } = useChange('POST /admin/organizations/{organization_id}/credits')
  const body = {
    amount: readTypedDecimal(amount),
    reason,
    source,
    priority: Number(priority),
    ...(date && { expires_at: endOf(date) }),
  }
  const save = () =>
    mutate({ params: { organization_id: customer.id }, body }, { onSuccess: () => finish(onClose, 'Credits granted') })
  return (
    <Dialog open onClose={onClose} title={`Grant credits to ${customer.name}`}>
      <Form onSubmit={save}>
        <ErrorNotice error={error} except={['amount', 'reason', 'source', 'priority', 'expires_at']} />
        <Amount value={amount} onChange={setAmount} error={error} />
        <Reason value={reason} onChange={setReason} error={error} />
        <Field label="Kind" error={error?.fieldError('source')}>
          <Select value={source} onChange={({ target }) => setSource(target.value as Source)}>
            {SOURCES.map(([name, meaning]) => (
              <option key={name} value={name}>
                {meaning}
              </option>
            ))}
          </Select>
        </Field>
        <Field
          label="Expires"
          optional
          hint="At the end of this day. Leave empty for no expiration."
          error={error?.fieldError('expires_at')}
        >
          <Input type="date" value={date} onChange={({ target }) => setDate(target.value)} />
        </Field>
        <Field
          label="Priority"
          hint="Of grants that expire together, the one with the lower number is used first."
          error={error?.fieldError('priority')}
        >
          <Input
            type="number"
            min={-1_000}
            max={1_000}
            step={1}
            value={priority}
            onChange={({ target }) => setPriority(target.value)}
          />
        </Field>
        <Buttons onClose={onClose} action="Grant credits" busy={isPending} disabled={!amount || !reason} />
      </Form>
    </Dialog>
  )
}

const SOURCES = [
  ['admin', 'A gift'],
  ['purchase', 'Paid outside of Tollgate'],
  ['refund', 'Goodwill after a fault'],
] as const

type Source = (typeof SOURCES)[number][0]

/** The last second of a day where the browser is. */
const endOf = (date: string) => new Date(`${date}T23:59:59`).toISOString()

function Correct({ customer, grant, onClose }: ChangeProps) {
  const [amount, setAmount] = useState('')
  const [reason, setReason] = useState('')
  const { mutate, error, isPending } = useChange(
    'POST /admin/organizations/{organization_id}/credits/{grant_id}/correct',
  )
  const save = () =>
    mutate(
      {
        params: { organization_id: customer.id, grant_id: grant.id },
        body: { amount: readTypedDecimal(amount), reason },
      },
      { onSuccess: () => finish(onClose, 'Grant corrected') },
    )
  return (
    <Dialog open onClose={onClose} title="Correct grant">
      <Form onSubmit={save}>
        <Left grant={grant} />
        <ErrorNotice error={error} except={['amount', 'reason']} />
        <Amount
          value={amount}
          onChange={setAmount}
          error={error}
          hint="Added to the grant. A negative amount reduces the grant, but not below what was already used."
        />
        <Reason value={reason} onChange={setReason} error={error} />
        <Buttons onClose={onClose} action="Correct grant" busy={isPending} disabled={!amount || !reason} />
      </Form>
    </Dialog>
  )
}

function Revoke({ customer, grant, onClose }: ChangeProps) {
  const [reason, setReason] = useState('')
  const { mutate, error, isPending } = useChange(
    'POST /admin/organizations/{organization_id}/credits/{grant_id}/revoke',
  )
  const save = () =>
    mutate(
      { params: { organization_id: customer.id, grant_id: grant.id }, body: { reason } },
      { onSuccess: () => finish(onClose, 'Grant revoked') },
    )
  return (
    <Dialog open onClose={onClose} title="Revoke grant">
      <Form onSubmit={save}>
        <Left grant={grant} />
        <p>The remaining credits are permanently removed. If the customer has no others, its calls are refused.</p>
        <ErrorNotice error={error} except={['reason']} />
        <Reason value={reason} onChange={setReason} error={error} />
        <Buttons onClose={onClose} action="Revoke grant" look="danger" busy={isPending} disabled={!reason} />
      </Form>
    </Dialog>
  )
}

const Left = ({ grant: { remaining, amount, reason } }: { readonly grant: CreditGrant }) => (
  <p>
    {`${formatExact(remaining)} of ${formatExact(amount)} is left.`}
    {reason && <span className="text-muted"> {`Reason for the grant: ${reason}`}</span>}
  </p>
)

interface TextProps {
  readonly value: string
  readonly onChange: (text: string) => void
  readonly error: ApiError | null
  readonly hint?: string
}

const Amount = ({ value, onChange, error, hint }: TextProps) => (
  <MoneyField
    label="Amount in US dollars"
    hint={hint}
    error={error?.fieldError('amount')}
    autoFocus
    value={value}
    onChange={onChange}
  />
)

const Reason = ({ value, onChange, error }: TextProps) => (
  <Field label="Reason" hint="The customer sees it in the ledger." error={error?.fieldError('reason')}>
    <Input value={value} autoComplete="off" onChange={({ target }) => onChange(target.value)} />
  </Field>
)

interface ButtonsProps {
  readonly onClose: () => void
  readonly action: string
  readonly look?: ButtonLook
  readonly busy: boolean
  readonly disabled: boolean
}

const Buttons = ({ onClose, action, look = 'primary', busy, disabled }: ButtonsProps) => (
  <Actions>
    <Button onClick={onClose}>Cancel</Button>
    <Button type="submit" look={look} busy={busy} disabled={disabled}>
      {action}
    </Button>
  </Actions>
)

function finish(onClose: () => void, done: string): void {
  onClose()
  toast(done)
}
