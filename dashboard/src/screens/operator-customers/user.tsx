import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { AdminUser } from '../../api/types.ts'
import { formatName } from '../../lib/format.ts'
import { useSession } from '../../shell/session-context.tsx'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Card, Facts, Page, Section } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { Menu } from '../../ui/menu.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { AuditTable } from './audit-table.tsx'
import { usePlans } from './plans.ts'
import { UserAction, type UserActionName } from './user-actions.tsx'
import { AccountStatus } from './users.tsx'

const above = (
  <Link to="/operator/users" className={textLink}>
    Users
  </Link>
)

export function User() {
  const { id = '' } = useParams({ strict: false })
  const { data, error, refetch } = useRead('GET /admin/users/{id}', { params: { id } })
  if (data && data.id === id) return <Loaded key={id} user={data} />
  return (
    <Page title="User" above={above}>
      {error ? <ErrorNotice error={error} onRetry={() => void refetch()} /> : <Skeleton lines={6} />}
    </Page>
  )
}

function Loaded({ user }: { readonly user: AdminUser }) {
  const [action, setAction] = useState<UserActionName>()
  return (
    <Page
      title={user.email}
      above={above}
      state={<AccountStatus {...user} />}
      actions={<HeadActions user={user} onAct={setAction} />}
    >
      {!user.is_active && (
        <Notice kind="bad">
          This account is disabled: it cannot sign in. Enabling it also resumes organizations that were suspended with
          it.
        </Notice>
      )}
      <Card>
        <Facts
          facts={[
            ['Name', user.name ?? '–'],
            ['Id', <Code>{user.id}</Code>],
            ['Email', user.is_verified ? 'Confirmed' : 'Not confirmed yet'],
            ['Second factor', user.two_factor_enabled ? 'On' : 'Off'],
            ['Created', <Time at={user.created_at} />],
          ]}
        />
      </Card>
      <Organizations user={user} />
      <Section title="Activity">
        <AuditTable filter={{ actor_id: user.id }} />
      </Section>
      {action && <UserAction name={action} user={user} onClose={() => setAction(undefined)} />}
    </Page>
  )
}

interface HeadActionsProps {
  readonly user: AdminUser
  readonly onAct: (name: UserActionName) => void
}

/** Administrators are protected: only their own organization's owners change them. */
function HeadActions({ user, onAct }: HeadActionsProps) {
  const session = useSession()
  if (session.user?.id === user.id)
    return (
      <Link to="/account" className={textLink}>
        This is you: open your account
      </Link>
    )
  const reset = { label: 'Reset second factor', onSelect: () => onAct('reset'), destructive: true }
  if (user.is_administrator)
    return user.two_factor_enabled ? <Menu trigger={<Button>More</Button>} items={[reset]} /> : null
  return (
    <>
      <Menu
        trigger={<Button>More</Button>}
        items={[
          { label: 'End all sessions', onSelect: () => onAct('logout') },
          ...(user.two_factor_enabled ? [reset] : []),
          user.is_active
            ? { label: 'Disable', onSelect: () => onAct('disable'), destructive: true }
            : { label: 'Enable', onSelect: () => onAct('enable') },
          { label: 'Delete', onSelect: () => onAct('delete'), destructive: true },
        ]}
      />
      {user.is_active && (
        <Button look="primary" onClick={() => onAct('support')}>
          Start support session
        </Button>
      )}
    </>
  )
}

function Organizations({ user }: { readonly user: AdminUser }) {
  const { planName } = usePlans()
  return (
    <Section title="Organizations">
      <Table
        label={`Organizations of ${user.email}`}
        rows={user.organizations}
        rowId={({ id }) => id}
        rowLink={({ id }) => `/operator/customers/${id}`}
        empty={<Empty title="No organizations">Add them to a customer under its members.</Empty>}
        columns={[
          { name: 'Name', width: 'minmax(0,2fr)', cell: ({ name }) => name },
          { name: 'Role', cell: ({ role }) => formatName(role) },
          { name: 'Plan', cell: ({ plan }) => <Badge>{planName(plan)}</Badge> },
        ]}
      />
    </Section>
  )
}
