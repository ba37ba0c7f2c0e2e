import { useState } from 'react'
import { call } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'
import { signIn } from '../api/session.ts'
import { Button } from '../ui/button.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { AccountLayout, linkClass } from './layout.tsx'
import { useMethods } from './methods.ts'
import { continueToScreen, withNext } from './next.ts'
import { OtherWays } from './other-ways.tsx'
import { PersonCheck } from './person-check.tsx'
import { useSubmit } from './use-submit.ts'

export function SignUp() {
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [isWaiting, setIsWaiting] = useState(false)
  const { turnstile } = useMethods()
  const [token, setToken] = useState<string>()
  const [checks, setChecks] = useState(0)
  const [isEarly, setIsEarly] = useState(false)
  const { busy, error, submit } = useSubmit(async () => {
    setIsEarly(turnstile !== null && token === undefined)
    if (turnstile && token === undefined) return
    const person = { ...(name.trim() && { name: name.trim() }), ...(token && { turnstile_token: token }) }
    setToken(undefined)
    setChecks(checks + 1) // a token is good once
    await call('POST /auth/register', { body: { email, password, ...person } })
    await signIn(email, password).then(continueToScreen, (problem) => {
      if (!(problem instanceof ApiError) || problem.status !== 401) throw problem
      setIsWaiting(true) // the address must be confirmed first
    })
  })
  if (isWaiting) return <ConfirmAddress email={email} />
  return (
    <AccountLayout title="Sign up">
      <Form onSubmit={submit}>
        <ErrorNotice error={error} except={['name', 'email', 'password']} />
        <Field label="Name" optional error={error?.fieldError('name')}>
          <Input
            name="name"
            autoComplete="name"
            autoFocus
            value={name}
            onChange={({ target }) => setName(target.value)}
          />
        </Field>
        <Field label="Email" error={error?.fieldError('email')}>
          <Input
            type="email"
            name="email"
            autoComplete="username"
            value={email}
            onChange={({ target }) => setEmail(target.value)}
          />
        </Field>
        <Field
          label="Password"
          hint="At least 10 characters. A few words in a row work well."
          error={error?.fieldError('password')}
        >
          <Input
            type="password"
            name="password"
            autoComplete="new-password"
            value={password}
            onChange={({ target }) => setPassword(target.value)}
          />
        </Field>
        {turnstile && <PersonCheck key={checks} check={turnstile} onToken={setToken} />}
        {isEarly && token === undefined && (
          <p role="alert" className="text-small text-bad">
            Complete the check above first.
          </p>
        )}
        <Button type="submit" look="primary" wide busy={busy}>
          Sign up
        </Button>
      </Form>
      <p className="text-muted">
        Already have an account?{' '}
        <a className={linkClass} href={withNext('sign-in')}>
          Sign in
        </a>
      </p>
      <OtherWays />
    </AccountLayout>
  )
}

function ConfirmAddress({ email }: { readonly email: string }) {
  const { busy, error, submit } = useSubmit(async () => {
    await call('POST /auth/email/resend', { body: { email } })
    setIsSent(true)
  })
  const [isSent, setIsSent] = useState(false)
  return (
    <AccountLayout title="Confirm your email address">
      <p>
        A link was sent to <strong className="font-medium">{email}</strong>. Open it to confirm the address, then sign
        in.
      </p>
      <ErrorNotice error={error} />
      {isSent && <Notice kind="good">Another link is on its way. Only the newest one works.</Notice>}
      <div className="flex flex-wrap gap-2">
        <a className={linkClass} href={withNext('sign-in')}>
          Sign in
        </a>
        <Button look="quiet" busy={busy} onClick={submit}>
          Send another link
        </Button>
      </div>
    </AccountLayout>
  )
}
