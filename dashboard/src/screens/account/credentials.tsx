import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { useSession } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { CurrentPassword, isProofError, NO_FACTOR, SecondFactorField } from './fields.tsx'

interface ChangeEmailProps {
  readonly hasSecondFactor: boolean
  readonly onClose: () => void
}

export function ChangeEmail({ hasSecondFactor, onClose }: ChangeEmailProps) {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [factor, setFactor] = useState(NO_FACTOR)
  const { user } = useSession()
  const { mutate, error, isPending } = useChange('POST /auth/email/change')
  const send = () =>
    mutate(
      { body: { new_email: email, ...(user?.has_password && { password }), ...(hasSecondFactor && factor) } },
      {
        onSuccess() {
          toast('Link sent', `Open the link that was sent to ${email} within an hour.`)
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Change your email">
      <Form onSubmit={send}>
        <p>
          You get a link at the new address. Your email changes when you open the link while signed in, or enter your
          password there. All your other devices are then signed out.
        </p>
        {!isProofError(error) && <ErrorNotice error={error} except={['new_email', 'password', 'code']} />}
        <Field label="New email" error={error?.fieldError('new_email')}>
          <Input
            type="email"
            name="new_email"
            autoComplete="email"
            autoFocus
            value={email}
            onChange={({ target }) => setEmail(target.value)}
          />
        </Field>
        <CurrentPassword value={password} error={error} onChange={setPassword} />
        {hasSecondFactor && <SecondFactorField value={factor} error={error} onChange={setFactor} />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Send the link
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

export function ChangePassword({ onClose }: { readonly onClose: () => void }) {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const { mutate, error, isPending } = useChange('POST /auth/password/change')
  const save = () =>
    mutate(
      { body: { current_password: current, new_password: next, confirm_password: again } },
      {
        onSuccess() {
          toast('Password changed', 'Your other devices are signed out.')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Change your password">
      <Form onSubmit={save}>
        {!isProofError(error) && (
          <ErrorNotice error={error} except={['current_password', 'new_password', 'confirm_password']} />
        )}
        <CurrentPassword name="current_password" value={current} error={error} onChange={setCurrent} />
        <Field
          label="New password"
          hint="At least 10 characters. A few words in a row work well."
          error={error?.fieldError('new_password')}
        >
          <Input
            type="password"
            name="new_password"
            autoComplete="new-password"
            value={next}
            onChange={({ target }) => setNext(target.value)}
          />
        </Field>
        <Field
          label="Repeat the new password"
          error={error?.fieldError('confirm_password') && 'The two passwords differ.'}
        >
          <Input
            type="password"
            name="confirm_password"
            autoComplete="new-password"
            value={again}
            onChange={({ target }) => setAgain(target.value)}
          />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Change password
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
