import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, Form, Input } from '../../ui/field.tsx'
import { useGo } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'

interface CreateUserProps {
  readonly open: boolean
  readonly onClose: () => void
}

export const CreateUser = ({ open, onClose }: CreateUserProps) => (
  <Dialog open={open} onClose={onClose} title="Create user">
    <Contents onClose={onClose} />
  </Dialog>
)

function Contents({ onClose }: Pick<CreateUserProps, 'onClose'>) {
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [isInvited, setIsInvited] = useState(true)
  const { mutate, error, isPending } = useChange('POST /admin/users')
  const go = useGo()
  const isTaken = error?.code === 'email_taken'
  const create = () =>
    mutate(
      { body: { email, ...(name && { name }), send_invitation: isInvited } },
      {
        onSuccess({ id }) {
          onClose()
          toast('User created')
          go(`/operator/users/${id}`)
        },
      },
    )
  return (
    <Form onSubmit={create}>
      {!isTaken && <ErrorNotice error={error} except={['email', 'name']} />}
      <Field label="Email" error={isTaken ? error.message : error?.fieldError('email')}>
        <Input
          autoFocus
          type="email"
          autoComplete="off"
          value={email}
          onChange={({ target }) => setEmail(target.value.trim())}
        />
      </Field>
      <Field
        label="Name"
        optional
        hint="They get their own organization. To add them to another one, open its members."
        error={error?.fieldError('name')}
      >
        <Input autoComplete="off" value={name} onChange={({ target }) => setName(target.value)} />
      </Field>
      <Choice
        label="Send an email with a link to set the password"
        hint="Without it, they can request one with “Forgot your password?”."
        checked={isInvited}
        onChange={({ target }) => setIsInvited(target.checked)}
      />
      <Actions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending}>
          Create user
        </Button>
      </Actions>
    </Form>
  )
}
