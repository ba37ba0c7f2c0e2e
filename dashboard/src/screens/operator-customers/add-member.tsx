import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, Fieldset, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import type { ActionProps } from './customer-actions.tsx'
import { RoleSelect } from './role-select.tsx'

/** Adds somebody who has an account at once, or invites somebody by email. */
export function AddMember({ customer, onClose }: ActionProps) {
  const [email, setEmail] = useState('')
  const [role, setRole] = useState('member')
  const [isInvited, setIsInvited] = useState(true)
  const { mutate, error, isPending } = useChange('POST /admin/organizations/{organization_id}/members')
  const add = () =>
    mutate(
      { params: { organization_id: customer.id }, body: { email, role, send_invitation: isInvited } },
      {
        onSuccess() {
          onClose()
          toast(isInvited ? `Invitation sent to ${email}` : `${email} is now a member`)
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`Add a member to ${customer.name}`}>
      <Form onSubmit={add}>
        <ErrorNotice error={error} except={['email', 'role']} />
        <Field label="Email" error={error?.fieldError('email')}>
          <Input
            autoFocus
            type="email"
            autoComplete="off"
            value={email}
            onChange={({ target }) => setEmail(target.value.trim())}
          />
        </Field>
        <Field label="Role" error={error?.fieldError('role')}>
          <RoleSelect organizationId={customer.id} value={role} onChange={setRole} />
        </Field>
        <Fieldset legend="How they join">
          <Choice
            type="radio"
            name="how"
            label="Invite by email"
            hint="They join once they accept."
            checked={isInvited}
            onChange={() => setIsInvited(true)}
          />
          <Choice
            type="radio"
            name="how"
            label="Add now"
            hint="Only for people who have an account."
            checked={!isInvited}
            onChange={() => setIsInvited(false)}
          />
        </Fieldset>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            {isInvited ? 'Send invitation' : 'Add member'}
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
