import { useEffect, useState } from 'react'
import { ApiError } from '../api/problem.ts'
import { accessToken, signIn, signInByCode, verifySecondFactor } from '../api/session.ts'
import type { LoginChallenge } from '../api/types.ts'
import { Button } from '../ui/button.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { type Returned, takeReturned } from './at-provider.ts'
import { AccountLayout, linkClass } from './layout.tsx'
import { continueToScreen, withNext } from './next.ts'
import { Providers } from './providers.tsx'
import { useSubmit } from './use-submit.ts'

export function SignIn() {
  const [challenge, setChallenge] = useState<LoginChallenge>()
  const [failure, setFailure] = useState<ApiError>()
  const [isReturning, setIsReturning] = useState(false)
  useEffect(() => {
    const returned = takeReturned()
    if (returned instanceof ApiError) return setFailure(returned)
    if (returned) {
      setIsReturning(true)
      void completeReturn(returned, setChallenge)
        .catch((error: ApiError) => setFailure(error))
        .finally(() => setIsReturning(false))
      return
    }
    void accessToken().then(
      (token) => (token === undefined ? undefined : continueToScreen()),
      () => undefined, // the form says so when it is sent
    )
  }, [])
  if (isReturning)
    return (
      <AccountLayout title="Sign in">
        <p role="status" className="text-muted">
          Signing in …
        </p>
      </AccountLayout>
    )
  return challenge ? (
    <SecondFactor challenge={challenge} onBack={() => setChallenge(undefined)} />
  ) : (
    <Password failure={failure} onChallenge={setChallenge} />
  )
}

type OnChallenge = (challenge: LoginChallenge) => void

async function completeReturn(returned: Returned, onChallenge: OnChallenge): Promise<void> {
  const challenge = await signInByCode(returned)
  if (challenge) onChallenge(challenge)
  else await continueToScreen()
}

interface PasswordProps {
  /** Why a sign-in at a provider failed. */
  readonly failure: ApiError | undefined
  readonly onChallenge: OnChallenge
}

function Password({ failure, onChallenge }: PasswordProps) {
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
      <Providers />
    </AccountLayout>
  )
}

interface SecondFactorProps {
  readonly challenge: LoginChallenge
  readonly onBack: () => void
}

function SecondFactor({ challenge, onBack }: SecondFactorProps) {
  const [code, setCode] = useState('')
  const [isBackup, setIsBackup] = useState(false)
  const { busy, error, submit } = useSubmit(async () => {
    await verifySecondFactor(challenge.challenge_token, code.trim())
    await continueToScreen()
  })
  return (
    <AccountLayout title="Second factor">
      <Form onSubmit={submit}>
        <ErrorNotice error={error} except={['code']} />
        <Field
          label={isBackup ? 'Backup code' : 'Code'}
          hint={isBackup ? 'Each backup code works once.' : 'The 6 digits that your authenticator app shows.'}
          error={error?.fieldError('code')}
        >
          <Input
            key={String(isBackup)}
            name="code"
            autoFocus
            autoComplete="one-time-code"
            inputMode={isBackup ? 'text' : 'numeric'}
            className="font-mono"
            value={code}
            onChange={({ target }) => setCode(target.value)}
          />
        </Field>
        <Button type="submit" look="primary" wide busy={busy}>
          Verify
        </Button>
      </Form>
      <div className="flex flex-wrap gap-2">
        <Button look="quiet" onClick={() => setIsBackup(!isBackup)}>
          {isBackup ? 'Use the app instead' : 'Use a backup code'}
        </Button>
        <Button look="quiet" onClick={onBack}>
          Back
        </Button>
      </div>
    </AccountLayout>
  )
}
