import { useState } from 'react'
import { useList } from '../../api/hooks.ts'
import type { Member } from '../../api/types.ts'
import { LeaveOrganization } from '../../shell/leave-organization.tsx'
import { useMay, useSession } from '../../shell/session-context.tsx'
import { Badge, Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Page, Section } from '../../ui/layout.tsx'
import { type MenuItem, RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { Invitations, InviteDialog } from './invitations.tsx'
import { ChangeRole, RemoveMember, TransferOwnership } from './member-dialogs.tsx'
import { Roles } from './own-roles.tsx'
import { roleName, useRoles } from './roles.tsx'

type Action = 'role' | 'remove' | 'leave' | 'transfer'

const DIALOGS = {
  role: ChangeRole,
  remove: RemoveMember,
  leave: LeaveOrganization,
  transfer: TransferOwnership,
} as const

export function Members() {
  const mayInvite = useMay('members:write')
  const [isInviting, setIsInviting] = useState(false)
  const members = useMembers()
  return (
    <Page
      title="Members"
      intro="People who can act for this organization."
      actions={
        mayInvite && (
          <Button look="primary" onClick={() => setIsInviting(true)}>
            Invite member
          </Button>
        )
      }
    >
      <MemberTable />
      {mayInvite && !members.isPending && (
        <Section title="Invitations" intro="An invitation works once, for 7 days.">
          <Invitations onInvite={() => setIsInviting(true)} />
        </Section>
      )}
      {!members.isPending && <Roles />}
      {isInviting && <InviteDialog onClose={() => setIsInviting(false)} />}
    </Page>
  )
}

function useMembers() {
  const { organizationId } = useSession()
  return useList('GET /organizations/{organization_id}/members', { params: { organization_id: organizationId } })
}

const SECOND_FACTOR: Column<Member> = {
  name: 'Second factor',
  width: '9rem',
  secondary: true,
  cell: ({ two_factor_enabled: isOn }) => (
    <Status kind={isOn ? 'good' : 'off'}>{isOn ? 'Enabled' : 'Not enabled'}</Status>
  ),
}

function MemberTable() {
  const { user } = useSession()
  const mayWrite = useMay('members:write')
  const list = useMembers()
  const menuItems = useMenuItems()
  const [chosen, setChosen] = useState<{ action: Action; member: Member }>()
  const Dialog = chosen && DIALOGS[chosen.action]
  const columns: readonly Column<Member>[] = [
    {
      name: 'Name',
      cell: (member) => (
        <span className="inline-flex max-w-full items-center gap-2">
          <span className="truncate">{member.name ?? member.email}</span>
          {member.user_id === user?.id && <Badge>You</Badge>}
        </span>
      ),
    },
    { name: 'Email', cell: ({ email }) => <span title={email}>{email}</span> },
    { name: 'Role', cell: ({ role }) => <span title={role}>{roleName(role)}</span>, width: '8rem' },
    {
      name: 'State',
      width: '8rem',
      cell: ({ is_active }) => (is_active ? <Status kind="good">Active</Status> : <Status kind="off">Disabled</Status>),
    },
    ...(mayWrite ? [SECOND_FACTOR] : []),
    { name: 'Since', cell: ({ created_at }) => <Time at={created_at} />, width: '9rem', secondary: true },
  ]
  return (
    <>
      <Table
        label="Members"
        {...listProps(list)}
        columns={columns}
        rowId={({ user_id }) => user_id}
        rowMenu={(member) => (
          <RowMenu
            name={member.name ?? member.email}
            id={member.user_id}
            items={menuItems(member, (action) => setChosen({ action, member }))}
          />
        )}
        empty={<Empty title="No members" />}
      />
      {chosen && Dialog && <Dialog member={chosen.member} onClose={() => setChosen(undefined)} />}
    </>
  )
}

/** What the present user may do with a member. */
function useMenuItems() {
  const { user } = useSession()
  const mayWrite = useMay('members:write')
  const mayWriteOwners = useMay('owners:write')
  const { givable } = useRoles()
  return (member: Member, choose: (action: Action) => void): MenuItem[] => {
    const isSelf = member.user_id === user?.id
    const mayChange = mayWrite && givable.some(({ name }) => name === member.role)
    return [
      ...(mayChange ? [{ label: 'Change role', onSelect: () => choose('role') }] : []),
      ...(mayWriteOwners && !isSelf && member.is_active
        ? [{ label: 'Transfer ownership', onSelect: () => choose('transfer') }]
        : []),
      ...(isSelf ? [{ label: 'Leave organization', destructive: true, onSelect: () => choose('leave') }] : []),
      ...(mayChange && !isSelf
        ? [{ label: 'Remove member', destructive: true, onSelect: () => choose('remove') }]
        : []),
    ]
  }
}
