import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { AdminUser } from '../../api/types.ts'
import { useStepUp } from '../../shell/step-up.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { useGo } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { StartSupport } from './start-support.tsx'

export type UserActionName = 'disable' | 'enable' | 'logout' | 'reset' | 'delete' | 'support'

export interface UserActionProps {
  readonly user: AdminUser
  readonly onClose: () => void
}

const TOGGLES = {
  disable: {
    title: 'Disable',
    says: 'They are signed out everywhere and cannot sign in. Keys of organizations without another active member stop working within two seconds. They are notified by email.',
    action: 'Disable user',
    done: 'is disabled',
  },
  enable: {
    title: 'Enable',
    says: 'They can sign in again, and organizations that were suspended with them resume. They are notified by email.',
    action: 'Enable user',
    done: 'is enabled',
  },
  logout: {
    title: 'End all sessions of',
    says: 'They are signed out everywhere immediately, and can sign in again. API keys keep working. They are notified by email.',
    action: 'End sessions',
    done: 'is signed out everywhere',
  },
} as const

/** The dialog of one action on a user. */
export function UserAction({ name, ...rest }: UserActionProps & { readonly name: UserActionName }) {
  if (name === 'support') return <StartSupport {...rest} />
  if (name === 'reset') return <ResetSecondFactor {...rest} />
  if (name === 'delete') return <Delete {...rest} />
  return <WithReason name={name} {...rest} />
}

function WithReason({ name, user, onClose }: UserActionProps & { readonly name: keyof typeof TOGGLES }) {
  const { title, says, action, done } = TOGGLES[name]
  const [reason, setReason] = useState('')
  const { mutate, error, isPending } = useChange(`POST /admin/users/{id}/${name}`)
  const act = () =>
    mutate(
      { params: { id: user.id }, body: reason ? { reason } : {} },
      {
        onSuccess() {
          onClose()
          toast(`${user.email} ${done}`)
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`${title} ${user.email}`}>
      <Form onSubmit={act}>
        <p>{says}</p>
        <ErrorNotice error={error} except={['reason']} />
        <Field label="Reason" optional hint="Kept in the audit log." error={error?.fieldError('reason')}>
          <Input value={reason} onChange={({ target }) => setReason(target.value)} />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={name === 'disable' ? 'danger' : 'primary'} busy={isPending}>
            {action}
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

function ResetSecondFactor({ user, onClose }: UserActionProps) {
  const [reason, setReason] = useState('')
  const { mutate, error, isPending, stepUp } = useStepUp('POST /admin/users/{id}/two-factor/reset', {
    allowsCode: true,
  })
  const reset = () =>
    mutate(
      { params: { id: user.id }, body: { reason } },
      {
        onSuccess() {
          onClose()
          toast(`The second factor of ${user.email} was reset`)
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`Reset the second factor of ${user.email}`}>
      <Form onSubmit={reset}>
        <p>
          Do this only after they have proved who they are in another way. From then on, their password alone signs them
          in. All their sessions end, and they are notified by email.
        </p>
        <ErrorNotice error={error} except={['reason']} />
        <Field label="Reason" hint="Kept in the audit log." error={error?.fieldError('reason')}>
          <Input autoFocus value={reason} onChange={({ target }) => setReason(target.value)} />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" busy={isPending}>
            Reset second factor
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}

function Delete({ user, onClose }: UserActionProps) {
  const { mutate, error, isPending } = useChange('DELETE /admin/users/{id}')
  const go = useGo()
  const remove = () =>
    mutate(
      { params: { id: user.id } },
      {
        onSuccess() {
          toast(`${user.email} was deleted`)
          go('/operator/users')
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete ${user.email}`}
      action="Delete user"
      typed={user.email}
      onConfirm={remove}
      busy={isPending}
      error={error}
    >
      <p>
        The account is permanently deleted, along with its personal organization if that has no other members. Its keys
        stop working within two seconds. Delete other organizations that only this user owns first, or give them another
        owner. The user is notified by email.
      </p>
    </Confirm>
  )
}
