import { useState } from 'react'
import { call } from '../api/client.ts'
import { signInByCode } from '../api/session.ts'
import type { EmailSignInSent, LoginChallenge } from '../api/types.ts'
import { Button } from '../ui/button.tsx'
import { Notice } from '../ui/notice.tsx'
import { CodeForm } from './code-form.tsx'
import { EmailForm } from './email-form.tsx'
import { AccountLayout } from './layout.tsx'
import { continueToScreen } from './next.ts'
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
      {!sent && <EmailForm action="Send" onSend={async (email) => setSent(await askForEmail(email))} />}
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

interface CodeProps {
  readonly sent: Sent
  readonly onChallenge: OnChallenge
}

function Code({ sent: { email, verifier }, onChallenge }: CodeProps) {
  async function complete(code: string): Promise<void> {
    const challenge = await signInByCode({ code, code_verifier: verifier })
    if (challenge) onChallenge(challenge)
    else await continueToScreen()
  }
  return (
    <>
      <p className="text-muted">If {email} can sign in here, a code is on its way. It works for 10 minutes.</p>
      <CodeForm
        hint="The 8 digits in the email."
        action="Sign in"
        wrong="The code is wrong. After five wrong attempts, send another one."
        onCode={complete}
      />
    </>
  )
}

async function askForEmail(email: string): Promise<Sent> {
  const { verifier, challenge } = await newVerifier()
  const body = { email, code_challenge: challenge, return_to: location.origin + location.pathname + location.search }
  const answer = await call('POST /auth/sign-in/email', { body })
  if (answer.method === 'link') keepVerifier(verifier, { forOtherTabs: true })
  return { ...answer, email, verifier }
}
