import { useEffect, useState } from 'react'
import { accessToken, signIn, verifySecondFactor } from '../api/session.ts'
import type { LoginChallenge } from '../api/types.ts'
import { Button } from '../ui/button.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { AccountLayout, linkClass } from './layout.tsx'
import { continueToScreen, withNext } from './next.ts'
import { useSubmit } from './use-submit.ts'

export function SignIn() {
  const [challenge, setChallenge] = useState<LoginChallenge>()
  useEffect(() => {
    void accessToken().then(
      (token) => (token === undefined ? undefined : continueToScreen()),
      () => undefined, // the form says so when it is sent
    )
  }, [])
  return challenge ? (
    <SecondFactor challenge={challenge} onBack={() => setChallenge(undefined)} />
  ) : (
    <Password onChallenge={setChallenge} />
  )
}

function Password({ onChallenge }: { readonly onChallenge: (challenge: LoginChallenge) => void }) {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const { busy, error, submit } = useSubmit(async () => {
    const challenge = await signIn(email, password)
    if (challenge) onChallenge(challenge)
    else await continueToScreen()
  })
  return (
    <AccountLayout title="Sign in">
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
