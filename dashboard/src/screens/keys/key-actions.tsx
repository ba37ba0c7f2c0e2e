import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { ApiKey } from '../../api/types.ts'
import { formatNumber, formatRelative, formatTime } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Select } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { SecretOnce } from '../shared/secret-once.tsx'
import { named, type OfCustomer } from './of-customer.ts'
import { Snippets } from './snippets.tsx'

export type KeyAction = 'rotate' | 'disable' | 'enable' | 'revoke'

interface KeyActionDialogProps extends OfCustomer {
  readonly action: KeyAction
  readonly item: ApiKey
  readonly onClose: () => void
}

/** Asks before something happens to a key, and says what stops working and when. */
export function KeyActionDialog({ action, ...rest }: KeyActionDialogProps) {
  if (action === 'rotate') return <Rotate {...rest} />
  if (action === 'revoke') return <Revoke {...rest} />
  return <Switch {...rest} />
}

type ItemProps = Omit<KeyActionDialogProps, 'action'>

const GRACE = [
  [0, 'Immediately'],
  [900, 'In 15 minutes'],
  [3_600, 'In 1 hour'],
  [21_600, 'In 6 hours'],
  [86_400, 'In 24 hours'],
  [604_800, 'In 7 days'],
] as const

function Rotate({ item, onClose, ...customer }: ItemProps) {
  const [seconds, setSeconds] = useState(3_600)
  const { mutate, data, error, isPending } = useChange('POST /auth/api-keys/{id}/rotate')
  const rotate = () =>
    mutate({ params: { id: item.id }, query: named(customer), body: { grace_period_seconds: seconds } })
  if (data)
    return (
      <SecretOnce title="Key rotated" noun="key" secret={data.key} onClose={onClose}>
        <p>{endOfOld(item, seconds, Date.parse(data.created_at))}</p>
        <Snippets apiKey={data.key} />
      </SecretOnce>
    )
  return (
    <Dialog open onClose={onClose} title={`Rotate ${item.name}`}>
      <Form onSubmit={rotate}>
        <p>A new key replaces this one, with the same scopes and limits.</p>
        <Field label="The old key stops working" hint={endOfOld(item, seconds, Date.now())}>
          <Select value={seconds} onChange={({ target }) => setSeconds(Number(target.value))}>
            {GRACE.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        </Field>
        <ErrorNotice error={error} />
        <Actions>
          <Button onClick={onClose}>Keep</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Rotate now
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

/** The old key never outlives its own expiry. */
function endOfOld({ expires_at }: ApiKey, seconds: number, rotatedAt: number): string {
  if (seconds === 0) return 'Calls with the old key stop working within two seconds.'
  const at = Math.min(rotatedAt + seconds * 1_000, expires_at ? Date.parse(expires_at) : Number.POSITIVE_INFINITY)
  return `Calls with the old key stop working on ${formatTime(at)}, ${formatRelative(at)}.`
}

function Revoke({ item, onClose, ...customer }: ItemProps) {
  const { mutate, error, isPending } = useChange('DELETE /auth/api-keys/{id}')
  function revoke(): void {
    mutate(
      { params: { id: item.id }, query: named(customer) },
      {
        onSuccess() {
          toast('Key revoked')
          onClose()
        },
      },
    )
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Revoke ${item.name}`}
      action="Revoke key"
      typed={item.name}
      busy={isPending}
      error={error}
      onConfirm={revoke}
    >
      <p>
        Calls with {item.key_hint} stop working within two seconds. It was used {formatNumber(item.total_requests)}{' '}
        times, last {item.last_used_at ? formatRelative(item.last_used_at) : 'never'}.
      </p>
      <p>A revoked key never works again.</p>
    </Confirm>
  )
}

function Switch({ item, onClose, ...customer }: ItemProps) {
  const { mutate, error, isPending } = useChange('PATCH /auth/api-keys/{id}')
  const next = !item.is_active
  function change(): void {
    mutate(
      { params: { id: item.id }, query: named(customer), body: { is_active: next } },
      {
        onSuccess() {
          toast(next ? 'Key enabled' : 'Key disabled')
          onClose()
        },
      },
    )
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`${next ? 'Enable' : 'Disable'} ${item.name}`}
      action={next ? 'Enable key' : 'Disable key'}
      destructive={!next}
      busy={isPending}
      error={error}
      onConfirm={change}
    >
      <p>
        {next
          ? 'Calls with it work again within two seconds.'
          : 'Calls with it are refused within two seconds, until you enable it again.'}
      </p>
    </Confirm>
  )
}
