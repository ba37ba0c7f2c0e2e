import { useState } from 'react'
import { call } from '../api/client.ts'
import { verifySecondFactor } from '../api/session.ts'
import type { LoginChallenge } from '../api/types.ts'
import { Button } from '../ui/button.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { CodeForm } from './code-form.tsx'
import { AccountLayout } from './layout.tsx'
import { continueToScreen } from './next.ts'
import { askForPasskey, canUsePasskeys } from './passkey.ts'
import { useSubmit } from './use-submit.ts'

interface SecondFactorProps {
  readonly challenge: LoginChallenge
  readonly onBack: () => void
}

/** Asks for the second factor: a passkey first, where there is one and the browser knows them. */
export function SecondFactor({ challenge, onBack }: SecondFactorProps) {
  const hasApp = challenge.methods.includes('app')
  const hasPasskey = challenge.methods.includes('passkey') && canUsePasskeys()
  const [isCode, setIsCode] = useState(!hasPasskey)
  const [isBackup, setIsBackup] = useState(!hasApp)
  return (
    <AccountLayout title="Second factor">
      {isCode ? (
        <Code key={String(isBackup)} challenge={challenge} isBackup={isBackup} />
      ) : (
        <Passkey challenge={challenge} />
      )}
      <div className="flex flex-wrap gap-2">
        {hasPasskey && (
          <Button look="quiet" onClick={() => setIsCode(!isCode)}>
            {isCode ? 'Use a passkey instead' : 'Use a code instead'}
          </Button>
        )}
        {isCode && hasApp && (
          <Button look="quiet" onClick={() => setIsBackup(!isBackup)}>
            {isBackup ? 'Use the app instead' : 'Use a backup code'}
          </Button>
        )}
        <Button look="quiet" onClick={onBack}>
          Back
        </Button>
      </div>
    </AccountLayout>
  )
}

function Passkey({ challenge: { challenge_token } }: { readonly challenge: LoginChallenge }) {
  const { busy, error, submit } = useSubmit(async () => {
    const passkey = await askForPasskey(await call('POST /auth/2fa/passkey', { body: { challenge_token } }))
    await verifySecondFactor(challenge_token, { passkey })
    await continueToScreen()
  })
  return (
    <>
      <p className="text-muted">Confirm that it is you with one of your passkeys.</p>
      <ErrorNotice error={error} />
      <Button look="primary" wide busy={busy} onClick={submit}>
        Use a passkey
      </Button>
    </>
  )
}

interface CodeProps {
  readonly challenge: LoginChallenge
  readonly isBackup: boolean
}

function Code({ challenge, isBackup }: CodeProps) {
  async function verify(code: string): Promise<void> {
    await verifySecondFactor(challenge.challenge_token, { code })
    await continueToScreen()
  }
  return (
    <CodeForm
      label={isBackup ? 'Backup code' : 'Code'}
      hint={isBackup ? 'Each backup code works once.' : 'The 6-digit code from your authenticator app.'}
      action="Verify"
      isNumeric={!isBackup}
      onCode={verify}
    />
  )
}
