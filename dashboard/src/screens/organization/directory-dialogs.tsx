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

const NO_ROLE = {
  role: null,
  name: 'No role',
  hint: 'The role comes from other groups, or is the role people join with.',
}

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
          toast('Directory saved', directory ? undefined : 'Create its token next.')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Directory">
      <Form onSubmit={save}>
        <ErrorNotice error={error} />
        <RolesToChoose
          legend="People without a role from a group join as"
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
      <SecretOnce title="Directory token" noun="token" secret={token} onClose={onClose}>
        <p>Enter it in your directory as the bearer token, together with the base address.</p>
      </SecretOnce>
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={hasOne ? 'Renew token' : 'Create token'}
      action={hasOne ? 'Renew' : 'Create token'}
      destructive={false}
      onConfirm={renew}
      busy={isPending}
      error={error}
    >
      <p>
        {hasOne
          ? 'The current token stops working immediately. Your directory is refused until it has the new one.'
          : 'Your directory sends it with each request.'}
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
      <p>Its token stops working, and the data it sent is deleted. Members stay and keep their roles.</p>
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
          toast('Role changed', `It applies to people in ${group.name} from their next request.`)
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`Role of ${group.name}`}>
      <Form onSubmit={save}>
        <ErrorNotice error={error} />
        <RolesToChoose
          legend="People in this group are"
          among={[NO_ROLE, ...givable.filter(({ name }) => name !== 'owner').map(toOption)]}
          value={role}
          onChange={setRole}
        />
        <p className="text-muted">People in several groups get the role that allows the most. Owners stay owners.</p>
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
