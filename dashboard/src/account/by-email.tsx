import { useState } from 'react'
import { call } from '../api/client.ts'
import { signInByCode } from '../api/session.ts'
import type { EmailSignInSent, LoginChallenge } from '../api/types.ts'
import { Button } from '../ui/button.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { AccountLayout } from './layout.tsx'
import { continueToScreen } from './next.ts'
import { useSubmit } from './use-submit.ts'
import { keepVerifier, newVerifier } from './verifier.ts'

export type OnChallenge = (challenge: LoginChallenge) => void

interface ByEmailProps {
  readonly onChallenge: OnChallenge
  readonly onBack: () => void
}

interface Sent extends EmailSignInSent {
  readonly email: string
  readonly verifier: string
}

/** Signs in with a code, or a link, that is sent by email. */
export function ByEmail({ onChallenge, onBack }: ByEmailProps) {
  const [sent, setSent] = useState<Sent>()
  return (
    <AccountLayout title="Sign in by email">
      {!sent && <Ask onSent={setSent} />}
      {sent?.method === 'code' && <Code key={sent.verifier} sent={sent} onChallenge={onChallenge} />}
      {sent?.method === 'link' && (
        <Notice kind="good">
          If {sent.email} can sign in here, a link is on its way. Open it in this browser within 10 minutes.
        </Notice>
      )}
      <div className="flex flex-wrap gap-2">
        {sent && (
          <Button look="quiet" onClick={() => setSent(undefined)}>
            Send another one
          </Button>
        )}
        <Button look="quiet" onClick={onBack}>
          Back
        </Button>
      </div>
    </AccountLayout>
  )
}

function Ask({ onSent }: { readonly onSent: (sent: Sent) => void }) {
  const [email, setEmail] = useState('')
  const { busy, error, submit } = useSubmit(async () => {
    const { verifier, challenge } = await newVerifier()
    const body = { email, code_challenge: challenge, return_to: location.origin + location.pathname + location.search }
    const answer = await call('POST /auth/sign-in/email', { body })
    if (answer.method === 'link') keepVerifier(verifier, { forOtherTabs: true })
    onSent({ ...answer, email, verifier })
  })
  return (
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
        Send
      </Button>
    </Form>
  )
}

interface CodeProps {
  readonly sent: Sent
  readonly onChallenge: OnChallenge
}

function Code({ sent, onChallenge }: CodeProps) {
  const [code, setCode] = useState('')
  const { busy, error, submit } = useSubmit(async () => {
    const challenge = await signInByCode({ code, code_verifier: sent.verifier })
    if (challenge) onChallenge(challenge)
    else await continueToScreen()
  })
  const isWrong = error?.code === 'invalid_code'
  return (
    <Form onSubmit={submit}>
      <p className="text-muted">If {sent.email} can sign in here, a code is on its way. It works for 10 minutes.</p>
      {!isWrong && <ErrorNotice error={error} except={['code']} />}
      <Field
        label="Code"
        hint="The 8 digits in the email."
        error={isWrong ? 'The code is wrong. After five wrong ones, send another one.' : error?.fieldError('code')}
      >
        <Input
          name="code"
          autoFocus
          autoComplete="one-time-code"
          inputMode="numeric"
          className="font-mono"
          value={code}
          onChange={({ target }) => setCode(target.value)}
        />
      </Field>
      <Button type="submit" look="primary" wide busy={busy}>
        Sign in
      </Button>
    </Form>
  )
}
