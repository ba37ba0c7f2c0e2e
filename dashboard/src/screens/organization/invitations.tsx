import { useState } from 'react'
import { useChange, useList } from '../../api/hooks.ts'
import type { Invitation } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useSession } from '../../shell/session-context.tsx'
import { useStepUp } from '../../shell/step-up.tsx'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { type MenuItem, RowMenu } from '../../ui/menu.tsx'
import { describeError, ErrorNotice } from '../../ui/notice.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { RoleChoice, roleName } from './roles.tsx'

type State = Invitation['status']

const STATES: Readonly<Record<State, readonly [kind: StatusKind, name: string]>> = {
  pending: ['waiting', 'Pending'],
  accepted: ['good', 'Accepted'],
  expired: ['warn', 'Expired'],
  revoked: ['ended', 'Revoked'],
}

const COLUMNS: readonly Column<Invitation>[] = [
  { name: 'Email', cell: ({ email }) => email },
  { name: 'Role', cell: ({ role }) => <span title={role}>{roleName(role)}</span>, width: '8rem' },
  {
    name: 'State',
    width: '8rem',
    cell: ({ status }) => <Status kind={STATES[status][0]}>{STATES[status][1]}</Status>,
  },
  { name: 'Sent', cell: ({ created_at }) => <Time at={created_at} />, width: '9rem', secondary: true },
  {
    name: 'Ends',
    width: '9rem',
    cell: ({ status, expires_at }) => <Time at={status === 'pending' ? expires_at : null} />,
  },
]

export function Invitations({ onInvite }: { readonly onInvite: () => void }) {
  const { organizationId } = useSession()
  const [{ invitations }, setState] = useSearchState({ invitations: 'pending' })
  const status = invitations in STATES ? (invitations as State) : undefined
  const list = useList('GET /organizations/{organization_id}/invitations', {
    params: { organization_id: organizationId },
    query: { ...(status && { status }) },
  })
  const { mutate: resend } = useChange('POST /organizations/{organization_id}/invitations/{id}/resend')
  const [revoking, setRevoking] = useState<Invitation>()

  function sendAgain({ id, email }: Invitation): void {
    resend(
      { params: { organization_id: organizationId, id } },
      {
        onSuccess: () => toast('Invitation sent again', `The previous link to ${email} no longer works.`),
        onError: (error) => toast('Invitation not sent', describeError(error)),
      },
    )
  }
  function menuItems(invitation: Invitation): MenuItem[] {
    const isOpen = invitation.status === 'pending' || invitation.status === 'expired'
    if (!isOpen) return []
    return [
      { label: 'Send again', onSelect: () => sendAgain(invitation) },
      { label: 'Revoke invitation', destructive: true, onSelect: () => setRevoking(invitation) },
    ]
  }
  return (
    <>
      <Filters>
        <FilterSelect
          label="State"
          value={status ?? 'all'}
          options={[
            ['pending', 'Pending'],
            ['expired', 'Expired'],
            ['accepted', 'Accepted'],
            ['revoked', 'Revoked'],
            ['all', 'All'],
          ]}
          onChange={(value) => setState({ invitations: value })}
        />
      </Filters>
      <Table
        label="Invitations"
        {...listProps(list)}
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowMenu={(invitation) => <RowMenu name={invitation.email} id={invitation.id} items={menuItems(invitation)} />}
        empty={
          <Empty title="No open invitations" action={<Button onClick={onInvite}>Invite member</Button>}>
            Invite people by email. They do not need an account yet.
          </Empty>
        }
        onClearFilters={
          status === 'pending' || status === undefined ? undefined : () => setState({ invitations: 'pending' })
        }
      />
      {revoking && <RevokeInvitation invitation={revoking} onClose={() => setRevoking(undefined)} />}
    </>
  )
}

function RevokeInvitation({ invitation, onClose }: { readonly invitation: Invitation; readonly onClose: () => void }) {
  const { organizationId } = useSession()
  const { mutate, error, isPending } = useChange('DELETE /organizations/{organization_id}/invitations/{id}')
  const revoke = () =>
    mutate(
      { params: { organization_id: organizationId, id: invitation.id } },
      {
        onSuccess() {
          toast('Invitation revoked')
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title="Revoke the invitation"
      action="Revoke invitation"
      onConfirm={revoke}
      busy={isPending}
      error={error}
    >
      <p>The link that was sent to {invitation.email} stops working immediately.</p>
    </Confirm>
  )
}

export function InviteDialog({ onClose }: { readonly onClose: () => void }) {
  const { organizationId } = useSession()
  const [email, setEmail] = useState('')
  const [role, setRole] = useState('member')
  const { mutate, error, isPending, stepUp } = useStepUp('POST /organizations/{organization_id}/invitations', {
    allowsCode: true,
  })
  const invite = () =>
    mutate(
      { params: { organization_id: organizationId }, body: { email, role } },
      {
        onSuccess() {
          toast('Invitation sent', `The link to ${email} works for 7 days.`)
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Invite a member">
      <Form onSubmit={invite}>
        <ErrorNotice error={error} except={['email']} />
        <Field label="Email" error={error?.fieldError('email')}>
          <Input
            type="email"
            name="invitee"
            autoComplete="off"
            autoFocus
            value={email}
            onChange={({ target }) => setEmail(target.value)}
          />
        </Field>
        <RoleChoice value={role} onChange={setRole} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Send invitation
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}
