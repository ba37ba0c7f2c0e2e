import { useState } from 'react'
import type { Directory, DirectoryGroup } from '../../api/types.ts'
import { useSession } from '../../shell/session-context.tsx'
import { useStepUp } from '../../shell/step-up.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { SecretOnce } from '../shared/secret-once.tsx'
import { builtInOptions, RolesToChoose, toOption, useRoles } from './roles.tsx'

interface DialogProps {
  readonly onClose: () => void
}

const NO_ROLE = { role: null, name: 'None of its own', hint: 'Other groups count, or what people join as.' }

/** Sets a directory up, or changes what people join as. */
export function DirectoryForm({ directory, onClose }: DialogProps & { readonly directory: Directory | undefined }) {
  const { organizationId } = useSession()
  const [role, setRole] = useState(directory?.default_role ?? 'member')
  const { mutate, error, isPending, stepUp } = useStepUp('PUT /organizations/{organization_id}/directory')
  const save = () =>
    mutate(
      { params: { organization_id: organizationId }, body: { default_role: role } },
      {
        onSuccess() {
          toast('Directory saved', directory ? undefined : 'Make its token next.')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Directory">
      <Form onSubmit={save}>
        <ErrorNotice error={error} />
        <RolesToChoose
          legend="People who are in no group that has a role join as"
          among={builtInOptions('viewer', 'member')}
          value={role}
          onChange={setRole}
        />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Save
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}

/** Makes the token that the directory presents. */
export function RenewToken({ hasOne, onClose }: DialogProps & { readonly hasOne: boolean }) {
  const { organizationId } = useSession()
  const [token, setToken] = useState<string>()
  const { mutate, error, isPending, stepUp } = useStepUp('POST /organizations/{organization_id}/directory/token')
  const renew = () =>
    mutate({ params: { organization_id: organizationId } }, { onSuccess: (answer) => setToken(answer.token) })
  if (token !== undefined)
    return (
      <SecretOnce title="Token of the directory" noun="token" secret={token} onClose={onClose}>
        <p>Enter it in your directory as bearer token, with the base address.</p>
      </SecretOnce>
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={hasOne ? 'Renew the token' : 'Make a token'}
      action={hasOne ? 'Renew' : 'Make token'}
      destructive={false}
      onConfirm={renew}
      busy={isPending}
      error={error}
    >
      <p>
        {hasOne
          ? 'The present token ends at once: your directory is refused until it has the new one.'
          : 'Your directory presents it with each request.'}
      </p>
      {stepUp}
    </Confirm>
  )
}

export function RemoveDirectory({ onClose }: DialogProps) {
  const { organizationId } = useSession()
  const { mutate, error, isPending, stepUp } = useStepUp('DELETE /organizations/{organization_id}/directory')
  const remove = () =>
    mutate(
      { params: { organization_id: organizationId } },
      {
        onSuccess() {
          toast('Directory removed')
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title="Remove the directory"
      action="Remove"
      onConfirm={remove}
      busy={isPending}
      error={error}
    >
      <p>Its token ends, and what it sent is forgotten. Members stay, in the roles that they have.</p>
      {stepUp}
    </Confirm>
  )
}

export function ChangeGroup({ group, onClose }: DialogProps & { readonly group: DirectoryGroup }) {
  const { organizationId } = useSession()
  const [role, setRole] = useState(group.role)
  const { givable } = useRoles()
  const { mutate, error, isPending, stepUp } = useStepUp('PATCH /organizations/{organization_id}/directory/groups/{id}')
  const save = () =>
    mutate(
      { params: { organization_id: organizationId, id: group.id }, body: { role } },
      {
        onSuccess() {
          toast('Role changed', `It counts for the people of ${group.name} from their next request on.`)
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`Role of ${group.name}`}>
      <Form onSubmit={save}>
        <ErrorNotice error={error} />
        <RolesToChoose
          legend="Its people are"
          among={[NO_ROLE, ...givable.filter(({ name }) => name !== 'owner').map(toOption)]}
          value={role}
          onChange={setRole}
        />
        <p className="text-muted">
          Of the roles of a person's groups the one that allows the most counts. Owners stay owners.
        </p>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Save
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}
