import { useEffect, useState } from 'react'
import type { ApiError } from '../api/problem.ts'
import { signIn } from '../api/session.ts'
import type { LoginChallenge } from '../api/types.ts'
import { Button } from '../ui/button.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import type { Arrival } from './arrive.ts'
import { ByEmail, type OnChallenge } from './by-email.tsx'
import { BySso } from './by-sso.tsx'
import { AccountLayout, linkClass } from './layout.tsx'
import { continueToScreen, withNext } from './next.ts'
import { OtherWays } from './other-ways.tsx'
import { SecondFactor } from './second-factor.tsx'
import { useSubmit } from './use-submit.ts'

interface SignInProps {
  readonly arrival: Arrival
}

export function SignIn({ arrival: { isReturning, challenged } }: SignInProps) {
  const [challenge, setChallenge] = useState<LoginChallenge>()
  const [way, setWay] = useState<'password' | 'email' | 'sso'>('password')
  const [failure, setFailure] = useState<ApiError>()
  const [isArriving, setIsArriving] = useState(isReturning)
  useEffect(() => {
    void challenged.then(setChallenge, (error: ApiError) => setFailure(error)).finally(() => setIsArriving(false))
  }, [challenged])
  if (isArriving)
    return (
      <AccountLayout title="Sign in">
        <p role="status" className="text-muted">
          Signing in …
        </p>
      </AccountLayout>
    )
  if (challenge) return <SecondFactor challenge={challenge} onBack={() => setChallenge(undefined)} />
  const onBack = () => setWay('password')
  if (way === 'email') return <ByEmail onChallenge={setChallenge} onBack={onBack} />
  if (way === 'sso') return <BySso onBack={onBack} />
  return <Password failure={failure} onChallenge={setChallenge} onWay={setWay} />
}

interface PasswordProps {
  /** Why a sign-in at a provider failed. */
  readonly failure: ApiError | undefined
  readonly onChallenge: OnChallenge
  readonly onWay: (way: 'email' | 'sso') => void
}

function Password({ failure, onChallenge, onWay }: PasswordProps) {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const { busy, error, submit } = useSubmit(async () => {
    const challenge = await signIn(email, password)
    if (challenge) onChallenge(challenge)
    else await continueToScreen()
  })
  return (
    <AccountLayout title="Sign in">
      <ErrorNotice error={error ? undefined : failure} />
      <Form onSubmit={submit}>
        <ErrorNotice error={error} except={['email', 'password']} />
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
        <Field label="Password" error={error?.fieldError('password')}>
          <Input
            type="password"
            name="password"
            autoComplete="current-password"
            value={password}
            onChange={({ target }) => setPassword(target.value)}
          />
        </Field>
        <Button type="submit" look="primary" wide busy={busy}>
          Sign in
        </Button>
      </Form>
      <p>
        <a className={linkClass} href={withNext('forgot-password')}>
          Forgot your password?
        </a>
      </p>
      <p className="text-muted">
        No account yet?{' '}
        <a className={linkClass} href={withNext('sign-up')}>
          Sign up
        </a>
      </p>
      <OtherWays onEmail={() => onWay('email')} onSso={() => onWay('sso')} />
    </AccountLayout>
  )
}
