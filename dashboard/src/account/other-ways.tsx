import type { SignInMethods } from '../api/types.ts'
import { Button } from '../ui/button.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { leaveForProvider } from './at-provider.ts'
import { useMethods } from './methods.ts'
import { continueToScreen } from './next.ts'
import { canUsePasskeys, signInWithPasskey } from './passkey.ts'
import { useSubmit } from './use-submit.ts'

interface OtherWaysProps {
  /** Absent on the page that only signs up. */
  readonly onEmail?: () => void
  readonly onSso?: () => void
}

/**
 * The ways in without a password: a passkey, an email, and a button for each identity provider of this deployment. They come below all
 * else, since most are read after the page is shown: nothing moves when they come.
 */
export function OtherWays({ onEmail, onSso }: OtherWaysProps) {
  const { providers, email, sso } = useMethods()
  const hasPasskey = onEmail !== undefined && canUsePasskeys()
  const hasEmail = onEmail !== undefined && email !== 'off'
  const hasSso = onSso !== undefined && sso
  if (!hasPasskey && !hasEmail && !hasSso && providers.length === 0) return null
  return (
    <div className="flex flex-col gap-3">
      <div className="flex items-center gap-3 text-small text-muted">
        <span className="h-px flex-1 bg-line" />
        or
        <span className="h-px flex-1 bg-line" />
      </div>
      {hasPasskey && <WithPasskey />}
      {hasEmail && (
        <Button wide onClick={onEmail}>
          Email me a {email}
        </Button>
      )}
      {hasSso && (
        <Button wide onClick={onSso}>
          Single sign-on
        </Button>
      )}
      {providers.map((provider) => (
        <Continue key={provider.id} provider={provider} />
      ))}
    </div>
  )
}

function WithPasskey() {
  const { busy, error, submit } = useSubmit(async () => {
    await signInWithPasskey()
    await continueToScreen()
  })
  return (
    <>
      <ErrorNotice error={error} />
      <Button wide busy={busy} onClick={submit}>
        Use a passkey
      </Button>
    </>
  )
}

function Continue({ provider: { id, name } }: { readonly provider: SignInMethods['providers'][number] }) {
  const { busy, error, submit } = useSubmit(() => leaveForProvider(id))
  return (
    <>
      <ErrorNotice error={error} />
      <Button wide busy={busy} onClick={submit}>
        Continue with {name}
      </Button>
    </>
  )
}
