import { useState } from 'react'
import { useList, useRead } from '../../api/hooks.ts'
import type { DirectoryGroup, Directory as Settings } from '../../api/types.ts'
import { useMay, useSession } from '../../shell/session-context.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Card, Facts, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { ChangeGroup, DirectoryForm, RemoveDirectory, RenewToken } from './directory-dialogs.tsx'
import { roleInWords, roleName } from './roles.tsx'

type Open = 'form' | 'token' | 'removal' | DirectoryGroup

/** What says by SCIM who belongs to the organization. Admins see it, owners change it. */
export function Directory() {
  const { organizationId } = useSession()
  const mayChange = useMay('owners:write')
  const [open, setOpen] = useState<Open>()
  const { data, error, isPending, refetch } = useRead('GET /organizations/{organization_id}/directory', {
    params: { organization_id: organizationId },
  })
  const isNone = error?.code === 'directory_not_found'
  const directory = isNone ? undefined : data
  const onOpen = mayChange ? setOpen : undefined
  return (
    <Section title="Directory" intro="Manage members from Entra, Okta or another directory through SCIM 2.0.">
      {error && !isNone && !directory && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton lines={2} />}
      {isNone && (
        <Empty title="No directory" action={onOpen && <Button onClick={() => onOpen('form')}>Set up directory</Button>}>
          People with an address at a verified domain become members, and lose access as soon as they leave your
          company.
        </Empty>
      )}
      {directory && <Shown directory={directory} onOpen={onOpen} />}
      {directory && directory.group_count > 0 && <Groups onOpen={onOpen} />}
      {open && <Opened open={open} directory={directory} onClose={() => setOpen(undefined)} />}
    </Section>
  )
}

interface OpenedProps {
  readonly open: Open
  readonly directory: Settings | undefined
  readonly onClose: () => void
}

/** The dialogs outlive what they change. */
function Opened({ open, directory, onClose }: OpenedProps) {
  if (open === 'form') return <DirectoryForm directory={directory} onClose={onClose} />
  if (open === 'token') return <RenewToken hasOne={directory?.has_token ?? false} onClose={onClose} />
  if (open === 'removal') return <RemoveDirectory onClose={onClose} />
  return <ChangeGroup group={open} onClose={onClose} />
}

interface ShownProps {
  readonly directory: Settings
  readonly onOpen: ((dialog: Open) => void) | undefined
}

function Shown({ directory, onOpen }: ShownProps) {
  const { base_url, default_role: role, has_token, user_count, group_count, last_used_at: used } = directory
  return (
    <Card className="flex flex-col gap-4">
      <Facts
        facts={[
          ['Base address', <Code>{base_url}</Code>],
          ['Token', has_token ? <Status kind="good">Created</Status> : <Status kind="waiting">Not created yet</Status>],
          ['People join as', roleName(role)],
          ['People', user_count],
          ['Groups', group_count],
          ['Last request', used ? <Time at={used} /> : <Status kind="waiting">None yet</Status>],
        ]}
      />
      {onOpen && (
        <div className="flex flex-wrap gap-2">
          <Button look={has_token ? 'secondary' : 'primary'} onClick={() => onOpen('token')}>
            {has_token ? 'Renew token' : 'Create token'}
          </Button>
          <Button onClick={() => onOpen('form')}>Change directory</Button>
          <Button onClick={() => onOpen('removal')}>Remove directory</Button>
        </div>
      )}
    </Card>
  )
}

function Groups({ onOpen }: Pick<ShownProps, 'onOpen'>) {
  const { organizationId } = useSession()
  const { rows, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useList(
    'GET /organizations/{organization_id}/directory/groups',
    { params: { organization_id: organizationId } },
  )
  if (error && !rows) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!rows) return <Skeleton lines={2} />
  return (
    <Card className="flex flex-col gap-4">
      <ul aria-label="Groups of the directory" className="divide-y divide-line">
        {rows.map((group) => (
          <li key={group.id} className="flex flex-wrap items-center justify-between gap-3 py-4 first:pt-0 last:pb-0">
            <div className="min-w-0">
              <p className="font-medium break-words">{group.name}</p>
              <p className="text-muted">
                {group.member_count === 1 ? '1 person' : `${group.member_count} people`},{' '}
                {group.role ? roleInWords(group.role) : 'no role'}
              </p>
            </div>
            {onOpen && (
              <Button aria-label={`Change the role of ${group.name}`} onClick={() => onOpen(group)}>
                Change role
              </Button>
            )}
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <Button className="self-start" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Show more groups
        </Button>
      )}
    </Card>
  )
}
