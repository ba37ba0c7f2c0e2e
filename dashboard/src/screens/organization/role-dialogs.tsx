import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { Role } from '../../api/types.ts'
import { PERMISSION_TEXTS } from '../../api/words.ts'
import { useSession } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm, Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, Fieldset, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'

type Permission = Role['permissions'][number]

/** All that a role of the organization's own may allow, by what it is about. */
const GROUPS: readonly (readonly [legend: string, permissions: readonly Permission[]])[] = [
  ['Keys', ['keys:read', 'keys:write', 'keys:import']],
  ['Usage', ['usage:read', 'usage:events', 'usage:write', 'usage:alerts']],
  ['Billing', ['billing:read', 'billing:write']],
  ['Webhooks', ['webhooks:read', 'webhooks:write']],
  ['People and organization', ['members:read', 'members:write', 'organization:write', 'audit:read']],
]

interface RoleDialogProps {
  readonly role: Role
  readonly onClose: () => void
}

interface Draft {
  readonly name: string
  readonly description: string
  readonly permissions: readonly Permission[]
}

/** Makes a role, or changes what one allows. */
export function RoleForm({ role, onClose }: Omit<RoleDialogProps, 'role'> & { readonly role: Role | undefined }) {
  const [draft, setDraft] = useState<Draft>({
    name: role?.name ?? '',
    description: role?.description ?? '',
    permissions: role?.permissions ?? [],
  })
  const { save, error, isPending } = useSave(role, draft, onClose)
  return (
    <Dialog open onClose={onClose} title={role ? `Change ${role.name}` : 'New role'}>
      <Form onSubmit={save}>
        <ErrorNotice error={error} except={['name', 'description']} />
        {!role && (
          <Field
            label="Name"
            hint="Lowercase letters, digits and hyphens. It cannot be changed later."
            error={error?.fieldError('name')}
          >
            <Input
              name="role-name"
              autoComplete="off"
              autoFocus
              placeholder="billing"
              value={draft.name}
              onChange={({ target }) => setDraft({ ...draft, name: target.value })}
            />
          </Field>
        )}
        <Field label="Purpose" optional error={error?.fieldError('description')}>
          <Input
            name="role-description"
            autoComplete="off"
            placeholder="Pays the invoices"
            value={draft.description}
            onChange={({ target }) => setDraft({ ...draft, description: target.value })}
          />
        </Field>
        <Permissions value={draft.permissions} onChange={(permissions) => setDraft({ ...draft, permissions })} />
        <p className="text-muted">{role ? 'It applies from each member’s next request.' : ALWAYS}</p>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            {role ? 'Save changes' : 'Create role'}
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

const ALWAYS = 'All roles can see the organization.'

function useSave(role: Role | undefined, draft: Draft, onClose: () => void) {
  const { organizationId } = useSession()
  const create = useChange('POST /organizations/{organization_id}/roles')
  const change = useChange('PATCH /organizations/{organization_id}/roles/{name}')
  const body = {
    description: draft.description.trim() || null,
    // every role has it; so that none is empty
    permissions: ['organization:read' as const, ...draft.permissions.filter(isOptional)],
  }
  const params = { organization_id: organizationId }
  const done = (words: string) => ({
    onSuccess() {
      toast(words)
      onClose()
    },
  })
  const save = () =>
    role
      ? change.mutate({ params: { ...params, name: role.name }, body }, done(`${role.name} changed`))
      : create.mutate({ params, body: { ...body, name: draft.name } }, done(`${draft.name} created`))
  const { error, isPending } = role ? change : create
  return { save, error, isPending }
}

type Optional = Exclude<Permission, 'organization:read' | 'owners:write' | 'organization:delete'>

const isOptional = (permission: Permission): permission is Optional =>
  GROUPS.some(([, permissions]) => permissions.includes(permission))

interface PermissionsProps {
  readonly value: readonly Permission[]
  readonly onChange: (permissions: readonly Permission[]) => void
}

/** Nobody gives what they do not have themselves. */
function Permissions({ value, onChange }: PermissionsProps) {
  const { permissions: held } = useSession()
  const toggle = (one: Permission) =>
    onChange(value.includes(one) ? value.filter((other) => other !== one) : [...value, one])
  return GROUPS.map(([legend, permissions]) => (
    <Fieldset key={legend} legend={legend}>
      {permissions.map((one) => (
        <Choice
          key={one}
          label={PERMISSION_TEXTS[one]}
          hint={
            held.includes(one) ? (
              <code className="font-mono">{one}</code>
            ) : (
              'Your own role does not allow this, so you cannot grant it.'
            )
          }
          checked={value.includes(one)}
          disabled={!held.includes(one)}
          onChange={() => toggle(one)}
        />
      ))}
    </Fieldset>
  ))
}

export function DeleteRole({ role: { name }, onClose }: RoleDialogProps) {
  const { organizationId } = useSession()
  const { mutate, error, isPending } = useChange('DELETE /organizations/{organization_id}/roles/{name}')
  const remove = () =>
    mutate(
      { params: { organization_id: organizationId, name } },
      {
        onSuccess() {
          toast(`${name} deleted`)
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete ${name}`}
      action="Delete role"
      onConfirm={remove}
      busy={isPending}
      error={error}
    >
      <p>First give another role to the members, invitations and groups that have it.</p>
    </Confirm>
  )
}
