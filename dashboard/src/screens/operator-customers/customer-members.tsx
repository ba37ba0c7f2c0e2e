import { useState } from 'react'
import { useChange, useList } from '../../api/hooks.ts'
import type { AdminOrganization, Member } from '../../api/types.ts'
import { formatName } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Section } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { AddMember } from './add-member.tsx'
import { ChangeRole } from './change-role.tsx'
import { CustomerInvitations } from './customer-invitations.tsx'
import { CustomerSignIn } from './customer-sign-in.tsx'

export function CustomerMembers({ customer }: { readonly customer: AdminOrganization }) {
  const [isAdding, setIsAdding] = useState(false)
  const [changed, setChanged] = useState<Member>()
  const [removed, setRemoved] = useState<Member>()
  const list = useList('GET /organizations/{organization_id}/members', {
    params: { organization_id: customer.id },
    query: { limit: 50 },
  })
  const add = <Button onClick={() => setIsAdding(true)}>Add member</Button>
  return (
    <>
      <Section title="Members" actions={add}>
        <Table
          {...listProps(list)}
          label={`Members of ${customer.name}`}
          rowId={({ user_id }) => user_id}
          rowLink={({ user_id }) => `/operator/users/${user_id}`}
          empty={
            <Empty title="No members yet" action={add}>
              Customers whose users you manage yourself need none.
            </Empty>
          }
          columns={[
            { name: 'Email', width: 'minmax(0,2fr)', cell: ({ email }) => email },
            { name: 'Name', secondary: true, cell: ({ name }) => name ?? '–' },
            { name: 'Role', width: '6rem', cell: ({ role }) => formatName(role) },
            {
              name: 'Account',
              width: '7rem',
              cell: ({ is_active }) =>
                is_active ? <Status kind="good">Active</Status> : <Status kind="off">Disabled</Status>,
            },
            { name: 'Joined', width: '8rem', cell: ({ created_at }) => <Time at={created_at} /> },
          ]}
          rowMenu={(member) => (
            <RowMenu
              name={member.email}
              id={member.user_id}
              items={[
                { label: 'Change role', onSelect: () => setChanged(member) },
                { label: 'Remove', destructive: true, onSelect: () => setRemoved(member) },
              ]}
            />
          )}
        />
      </Section>
      <CustomerInvitations id={customer.id} />
      <CustomerSignIn id={customer.id} />
      {isAdding && <AddMember customer={customer} onClose={() => setIsAdding(false)} />}
      {changed && <ChangeRole member={changed} organizationId={customer.id} onClose={() => setChanged(undefined)} />}
      {removed && <Remove member={removed} customer={customer} onClose={() => setRemoved(undefined)} />}
    </>
  )
}

interface RemoveProps {
  readonly member: Member
  readonly customer: AdminOrganization
  readonly onClose: () => void
}

function Remove({ member: { user_id, email }, customer, onClose }: RemoveProps) {
  const { mutate, error, isPending } = useChange('DELETE /organizations/{organization_id}/members/{user_id}')
  const remove = () =>
    mutate(
      { params: { organization_id: customer.id, user_id } },
      {
        onSuccess() {
          onClose()
          toast(`${email} was removed`)
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Remove ${email}`}
      action="Remove member"
      onConfirm={remove}
      busy={isPending}
      error={error}
    >
      <p>
        {email} loses access to {customer.name} immediately. Keys they created keep working.
      </p>
    </Confirm>
  )
}
