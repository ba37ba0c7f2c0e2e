import { useState } from 'react'
import type { Member } from '../../api/types.ts'
import { formatName } from '../../lib/format.ts'
import { useStepUp } from '../../shell/step-up.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { RoleSelect } from './role-select.tsx'

interface ChangeRoleProps {
  readonly member: Member
  readonly organizationId: string
  readonly onClose: () => void
}

export function ChangeRole({ member, organizationId, onClose }: ChangeRoleProps) {
  const [role, setRole] = useState(member.role)
  const { mutate, error, isPending, stepUp } = useStepUp('PATCH /organizations/{organization_id}/members/{user_id}', {
    allowsCode: true,
  })
  const change = () =>
    mutate(
      { params: { organization_id: organizationId, user_id: member.user_id }, body: { role } },
      {
        onSuccess() {
          onClose()
          toast(`${member.email} is now ${formatName(role).toLowerCase()}`)
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`Change the role of ${member.email}`}>
      <Form onSubmit={change}>
        <ErrorNotice error={error} except={['role']} />
        <Field label="Role" error={error?.fieldError('role')}>
          <RoleSelect organizationId={organizationId} value={role} onChange={setRole} />
        </Field>
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
