import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { OrganizationDomain } from '../../api/types.ts'
import { useSession } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm, Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, Fieldset, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'

type JoinRole = OrganizationDomain['join_role']

const JOINERS: readonly (readonly [role: JoinRole, name: string, hint: string])[] = [
  [null, 'Nobody', 'They need an invitation, like everyone else.'],
  ['viewer', 'Viewers', 'They see keys, usage and members.'],
  ['member', 'Members', 'They also create and change keys.'],
]

const BY_DOMAIN = 'People with an address at the domain may join as'

interface JoinRoleChoiceProps {
  readonly legend: string
  readonly value: JoinRole
  readonly onChange: (role: JoinRole) => void
}

/** Who becomes what without an invitation. */
export function JoinRoleChoice({ legend, value, onChange }: JoinRoleChoiceProps) {
  return (
    <Fieldset legend={legend}>
      {JOINERS.map(([role, name, hint]) => (
        <Choice
          key={name}
          type="radio"
          name="join-role"
          label={name}
          hint={hint}
          checked={role === value}
          onChange={() => onChange(role)}
        />
      ))}
    </Fieldset>
  )
}

export function AddDomain({ onClose }: { readonly onClose: () => void }) {
  const { organizationId } = useSession()
  const [domain, setDomain] = useState('')
  const [joinRole, setJoinRole] = useState<JoinRole>(null)
  const { mutate, error, isPending } = useChange('POST /organizations/{organization_id}/domains')
  const add = () =>
    mutate(
      { params: { organization_id: organizationId }, body: { domain, join_role: joinRole } },
      {
        onSuccess() {
          toast('Domain added', 'It takes effect once its record is found.')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Add a domain">
      <Form onSubmit={add}>
        <ErrorNotice error={error} except={['domain']} />
        <Field label="Domain" hint="The part after the @ in email addresses." error={error?.fieldError('domain')}>
          <Input
            name="domain"
            autoComplete="off"
            autoFocus
            placeholder="acme.com"
            value={domain}
            onChange={({ target }) => setDomain(target.value)}
          />
        </Field>
        <JoinRoleChoice legend={BY_DOMAIN} value={joinRole} onChange={setJoinRole} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Add domain
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

interface DomainDialogProps {
  readonly domain: OrganizationDomain
  readonly onClose: () => void
}

export function ChangeDomain({ domain, onClose }: DomainDialogProps) {
  const { organizationId } = useSession()
  const [joinRole, setJoinRole] = useState(domain.join_role)
  const { mutate, error, isPending } = useChange('PATCH /organizations/{organization_id}/domains/{id}')
  const save = () =>
    mutate(
      { params: { organization_id: organizationId, id: domain.id }, body: { join_role: joinRole } },
      {
        onSuccess() {
          toast('Domain changed')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={domain.domain}>
      <Form onSubmit={save}>
        <JoinRoleChoice legend={BY_DOMAIN} value={joinRole} onChange={setJoinRole} />
        <ErrorNotice error={error} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending} disabled={joinRole === domain.join_role}>
            Save changes
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

export function RemoveDomain({ domain: { id, domain }, onClose }: DomainDialogProps) {
  const { organizationId } = useSession()
  const { mutate, error, isPending } = useChange('DELETE /organizations/{organization_id}/domains/{id}')
  const remove = () =>
    mutate(
      { params: { organization_id: organizationId, id } },
      {
        onSuccess() {
          toast('Domain removed')
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Remove ${domain}`}
      action="Remove domain"
      onConfirm={remove}
      busy={isPending}
      error={error}
    >
      <p>People can no longer join with it. Members stay.</p>
    </Confirm>
  )
}
