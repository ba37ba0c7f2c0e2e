import { useQueryClient } from '@tanstack/react-query'
import { ChevronsUpDown } from 'lucide-react'
import { useState } from 'react'
import { call } from '../api/client.ts'
import { useChange, useList } from '../api/hooks.ts'
import { changeOrganization } from '../api/session.ts'
import { Button } from '../ui/button.tsx'
import { Actions, Dialog } from '../ui/dialog.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { useGo } from '../ui/link.tsx'
import { Menu } from '../ui/menu.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { toast } from '../ui/toast.tsx'
import { useSession } from './session-context.tsx'

/** The active organization, and the way to another one. */
export function OrganizationMenu() {
  const { user, organizationId } = useSession()
  const { rows } = useList('GET /organizations', { query: { limit: 100 } }, { enabled: user !== undefined })
  const [isCreating, setIsCreating] = useState(false)
  const client = useQueryClient()
  const go = useGo()
  if (!user) return null
  const active = rows?.find(({ id }) => id === organizationId)

  async function change(id: string, name: string): Promise<void> {
    changeOrganization(await call('POST /organizations/{organization_id}/switch', { params: { organization_id: id } }))
    go('/')
    await client.resetQueries()
    toast(`Now in ${name}`)
  }
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
