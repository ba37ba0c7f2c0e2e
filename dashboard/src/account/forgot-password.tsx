import { useState } from 'react'
import { call } from '../api/client.ts'
import { Button } from '../ui/button.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { AccountLayout, linkClass } from './layout.tsx'
import { withNext } from './next.ts'
import { useSubmit } from './use-submit.ts'

export function ForgotPassword() {
  const [email, setEmail] = useState('')
  const [isSent, setIsSent] = useState(false)
  const { busy, error, submit } = useSubmit(async () => {
    await call('POST /auth/password/reset', { body: { email } })
    setIsSent(true)
  })
  return (
    <AccountLayout title="Reset your password">
      {isSent ? (
        <Notice kind="good">
          If {email} has an account, a link that sets a new password is on its way. It works for an hour.
        </Notice>
      ) : (
        <Form onSubmit={submit}>
          <ErrorNotice error={error} except={['email']} />
          <Field label="Email" error={error?.fieldError('email')}>
            <Input
              type="email"
              name="email"
              autoComplete="username"
              autoFocus
              value={email}
              onChange={({ target }) => setEmail(target.value)}
            />
          </Field>
          <Button type="submit" look="primary" wide busy={busy}>
            Send the link
          </Button>
        </Form>
      )}
      <p>
        <a className={linkClass} href={withNext('sign-in')}>
          Back to sign in
        </a>
      </p>
    </AccountLayout>
  )
}
