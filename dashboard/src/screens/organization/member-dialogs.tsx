import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { Member } from '../../api/types.ts'
import { useSession } from '../../shell/session-context.tsx'
import { useStepUp } from '../../shell/step-up.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { RoleChoice, roleInWords } from './roles.tsx'

interface MemberDialogProps {
  readonly member: Member
  readonly onClose: () => void
}

const displayName = ({ name, email }: Member) => name ?? email

export function ChangeRole({ member, onClose }: MemberDialogProps) {
  const { organizationId } = useSession()
  const [role, setRole] = useState(member.role)
  const { mutate, error, isPending, stepUp } = useStepUp('PATCH /organizations/{organization_id}/members/{user_id}', {
    allowsCode: true,
  })
  function save(): void {
    const params = { organization_id: organizationId, user_id: member.user_id }
    mutate(
      { params, body: { role } },
      {
        onSuccess() {
          toast(`${displayName(member)} is now ${roleInWords(role)}`)
          onClose()
        },
      },
    )
  }
  return (
    <Dialog open onClose={onClose} title={`Role of ${displayName(member)}`}>
      <Form onSubmit={save}>
        <RoleChoice value={role} onChange={setRole} />
        <p className="text-muted">It applies from their next request.</p>
        <ErrorNotice error={error} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending} disabled={role === member.role}>
            Change role
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}

export function RemoveMember({ member, onClose }: MemberDialogProps) {
  const { organizationId } = useSession()
  const { mutate, error, isPending } = useChange('DELETE /organizations/{organization_id}/members/{user_id}')
  function remove(): void {
    mutate(
      { params: { organization_id: organizationId, user_id: member.user_id } },
      {
        onSuccess() {
          toast('Member removed')
          onClose()
        },
      },
    )
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Remove ${displayName(member)}`}
      action="Remove member"
      onConfirm={remove}
      busy={isPending}
      error={error}
    >
      <p>They lose access to this organization at their next request, and can come back only by invitation.</p>
      <p>Keys they created keep working. Revoke any that they may have copied.</p>
    </Confirm>
  )
}

export function TransferOwnership({ member, onClose }: MemberDialogProps) {
  const { organizationId } = useSession()
  const { mutate, error, isPending, stepUp } = useStepUp('POST /organizations/{organization_id}/transfer')
  function transfer(): void {
    mutate(
      { params: { organization_id: organizationId }, body: { user_id: member.user_id } },
      {
        onSuccess() {
          toast(`${displayName(member)} is now an owner`, 'You are an admin.')
          onClose()
        },
      },
    )
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title="Transfer ownership"
      action="Transfer ownership"
      onConfirm={transfer}
      busy={isPending}
      error={error}
      typed={member.email}
    >
      <p>
        <strong className="font-medium">{displayName(member)}</strong> becomes an owner and you become an admin
        immediately. Only they or another owner can make you an owner again.
      </p>
      {stepUp}
    </Confirm>
  )
}
