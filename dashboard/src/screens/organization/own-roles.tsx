import { useState } from 'react'
import type { Role } from '../../api/types.ts'
import { PERMISSION_TEXTS } from '../../api/words.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Section } from '../../ui/layout.tsx'
import { type MenuItem, RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { DeleteRole, RoleForm } from './role-dialogs.tsx'
import { roleHint, roleName, useRoles } from './roles.tsx'

const COLUMNS: readonly Column<Role>[] = [
  { name: 'Role', width: '10rem', cell: ({ name }) => roleName(name) },
  { name: 'Purpose', cell: (role) => <span title={roleHint(role)}>{roleHint(role)}</span> },
  { name: 'Members', numeric: true, width: '6rem', cell: ({ member_count: count }) => count },
]

type Acting = { readonly action: 'create' } | { readonly action: 'show' | 'change' | 'delete'; readonly role: Role }

/** The roles of the organization: those that are built in, and its own. */
export function Roles() {
  const mayWrite = useMay('members:write')
  const { roles, givable, error, refetch } = useRoles()
  const [acting, setActing] = useState<Acting>()
  function menuItems(role: Role): MenuItem[] {
    const show: MenuItem = { label: 'Show permissions', onSelect: () => setActing({ action: 'show', role }) }
    if (role.is_built_in || !mayWrite || !givable.includes(role)) return [show]
    return [
      { label: 'Change role', onSelect: () => setActing({ action: 'change', role }) },
      { label: 'Delete role', destructive: true, onSelect: () => setActing({ action: 'delete', role }) },
    ]
  }
  return (
    <Section
      title="Roles"
      intro="What members may do. Create your own if the built-in roles allow too much or too little."
      actions={mayWrite && <Button onClick={() => setActing({ action: 'create' })}>New role</Button>}
    >
      <Table
        label="Roles"
        rows={roles}
        error={error}
        onRetry={() => void refetch()}
        columns={COLUMNS}
        rowId={({ name }) => name}
        rowMenu={(role) => <RowMenu name={roleName(role.name)} id={role.name} items={menuItems(role)} />}
        empty={<Empty title="No roles" />}
      />
      {acting && <ActingDialog acting={acting} onClose={() => setActing(undefined)} />}
    </Section>
  )
}

function ActingDialog({ acting, onClose }: { readonly acting: Acting; readonly onClose: () => void }) {
  if (acting.action === 'create') return <RoleForm role={undefined} onClose={onClose} />
  if (acting.action === 'change') return <RoleForm role={acting.role} onClose={onClose} />
  if (acting.action === 'delete') return <DeleteRole role={acting.role} onClose={onClose} />
  return <ShowRole role={acting.role} onClose={onClose} />
}

function ShowRole({ role, onClose }: { readonly role: Role; readonly onClose: () => void }) {
  return (
    <Dialog open onClose={onClose} title={roleName(role.name)}>
      <ul className="list-disc pl-5">
        {role.permissions.map((one) => (
          <li key={one}>{PERMISSION_TEXTS[one]}</li>
        ))}
      </ul>
      <div className="mt-4 flex justify-end">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  )
}
