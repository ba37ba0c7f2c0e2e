import { ChevronsUpDown } from 'lucide-react'
import { useState } from 'react'
import { useChange, useList, useRead } from '../api/hooks.ts'
import { Button } from '../ui/button.tsx'
import { Actions, Dialog } from '../ui/dialog.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { Menu } from '../ui/menu.tsx'
import { describeError, ErrorNotice } from '../ui/notice.tsx'
import { toast } from '../ui/toast.tsx'
import { useSession } from './session-context.tsx'
import { useChangeOrganization } from './use-change-organization.ts'

/** The active organization, and the way to another one. */
export function OrganizationMenu() {
  const { user, organizationId } = useSession()
  const { rows } = useList('GET /organizations', { query: { limit: 100 } }, { enabled: user !== undefined })
  const { data: joinable } = useRead('GET /auth/joinable-organizations', {}, { enabled: user !== undefined })
  const [isCreating, setIsCreating] = useState(false)
  const { change, join } = useChangeOrganization()
  if (!user) return null
  const active = rows?.find(({ id }) => id === organizationId)

  return (
    <div className="px-3">
      <Menu
        trigger={
          <button
            type="button"
            aria-label={`Organization: ${active?.name ?? 'none'}`}
            className="flex w-full items-center justify-between gap-2 rounded-md border border-line bg-raised px-2 py-1.5 text-left hover:bg-hover"
          >
            <span className="truncate font-medium">{active?.name ?? 'Organization'}</span>
            <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-muted" />
          </button>
        }
        items={[
          ...(rows ?? []).map(({ id, name }) => ({
            label: name,
            disabled: id === organizationId,
            onSelect: () =>
              void change(id, name).catch(() => toast(`You are still in ${active?.name ?? 'the same organization'}`)),
          })),
          ...(joinable?.data ?? []).map(({ organization_id: id, name }) => ({
            label: `Join ${name}`,
            onSelect: () => void join(id, name).catch((error) => toast(`Could not join ${name}`, describeError(error))),
          })),
          { label: 'New organization …', onSelect: () => setIsCreating(true) },
        ]}
      />
      <CreateOrganization open={isCreating} onClose={() => setIsCreating(false)} onCreated={change} />
    </div>
  )
}

interface CreateOrganizationProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly onCreated: (id: string, name: string) => Promise<void>
}

function CreateOrganization({ open, onClose, onCreated }: CreateOrganizationProps) {
  const [name, setName] = useState('')
  const { mutate, error, isPending } = useChange('POST /organizations')
  const create = () =>
    mutate(
      { body: { name } },
      {
        onSuccess(organization) {
          onClose()
          void onCreated(organization.id, organization.name)
        },
      },
    )
  return (
    <Dialog open={open} onClose={onClose} title="Create an organization">
      <Form onSubmit={create}>
        <ErrorNotice error={error} except={['name']} />
        <Field label="Name" error={error?.fieldError('name')}>
          <Input name="organization" autoFocus value={name} onChange={({ target }) => setName(target.value)} />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Create organization
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
