import { useState } from 'react'
import { canUsePasskeys, proveByPasskey } from '../../account/passkey.ts'
import { useSubmit } from '../../account/use-submit.ts'
import { useChange, useRead } from '../../api/hooks.ts'
import { useSession } from '../../shell/session-context.tsx'
import { useStepUp } from '../../shell/step-up.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { BackupCodes } from './backup-codes.tsx'
import { CurrentPassword, isProofError, NO_FACTOR, SecondFactorField } from './fields.tsx'
import { SetUp } from './set-up.tsx'

type Action = 'set-up' | 'passkeys' | 'renew' | 'disable'

const DIALOGS = { 'set-up': SetUp, passkeys: UsePasskeys, renew: Renew, disable: Disable } as const

export function SecondFactor() {
  const { user } = useSession()
  const { data: passkeys } = useRead('GET /auth/passkeys')
  const [action, setAction] = useState<Action>()
  const Shown = action && DIALOGS[action]
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 p-4">
      <div>
        <p className="font-medium">Second factor</p>
        <p className="flex flex-wrap gap-x-3 text-muted">
          After your password, confirm with a code from an authenticator app or with a passkey.
          {user?.two_factor_enabled ? <Status kind="good">Enabled</Status> : <Status kind="off">Not enabled</Status>}
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
        {user?.two_factor_enabled ? (
          <>
            <Button onClick={() => setAction('renew')}>Renew backup codes</Button>
            <Button onClick={() => setAction('disable')}>Disable</Button>
          </>
        ) : (
          <>
            {passkeys?.data.some((one) => one.works_here) && canUsePasskeys() && (
              <Button onClick={() => setAction('passkeys')}>Use passkeys</Button>
            )}
            <Button onClick={() => setAction('set-up')}>Set up</Button>
          </>
        )}
      </div>
      {Shown && <Shown onClose={() => setAction(undefined)} />}
    </div>
  )
}

/** Makes the passkeys the second factor, without an app. */
function UsePasskeys({ onClose }: { readonly onClose: () => void }) {
  const [codes, setCodes] = useState<readonly string[]>()
  const { mutate, error, isPending, stepUp } = useStepUp('POST /auth/2fa/enable')
  const proving = useSubmit(async () => {
    const passkey = await proveByPasskey()
    mutate({ body: { passkey } }, { onSuccess: ({ backup_codes }) => setCodes(backup_codes) })
  })
  if (codes) return <BackupCodes codes={codes} title="Second factor enabled" onClose={onClose} />
  return (
    <Dialog open onClose={onClose} title="Passkeys as second factor">
      <Form onSubmit={proving.submit}>
        <p>After your password, you confirm with one of your passkeys or a backup code. You do not need an app.</p>
        <ErrorNotice error={proving.error ?? error} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={proving.busy || isPending}>
            Use a passkey
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}

function Renew({ onClose }: { readonly onClose: () => void }) {
  const [factor, setFactor] = useState(NO_FACTOR)
  const [codes, setCodes] = useState<readonly string[]>()
  const { mutate, error, isPending, stepUp } = useStepUp('POST /auth/2fa/backup-codes')
  const renew = () => mutate({ body: factor }, { onSuccess: ({ backup_codes }) => setCodes(backup_codes) })
  if (codes) return <BackupCodes codes={codes} title="Your new backup codes" onClose={onClose} />
  return (
    <Dialog open onClose={onClose} title="Renew backup codes">
      <Form onSubmit={renew}>
        <p>You get ten new codes. The old ones stop working immediately.</p>
        {!isProofError(error) && <ErrorNotice error={error} except={['code']} />}
        <SecondFactorField value={factor} error={error} onChange={setFactor} autoFocus />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Renew backup codes
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}

function Disable({ onClose }: { readonly onClose: () => void }) {
  const [password, setPassword] = useState('')
  const [factor, setFactor] = useState(NO_FACTOR)
  const { user } = useSession()
  const { mutate, error, isPending } = useChange('POST /auth/2fa/disable')
  const disable = () =>
    mutate(
      { body: { ...(user?.has_password && { password }), ...factor } },
      {
        onSuccess() {
          toast('Second factor disabled')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Disable the second factor">
      <Form onSubmit={disable}>
        <p>You no longer need a second factor to sign in. Your backup codes stop working.</p>
        {!isProofError(error) && <ErrorNotice error={error} except={['password', 'code']} />}
        <CurrentPassword value={password} error={error} onChange={setPassword} />
        <SecondFactorField value={factor} error={error} onChange={setFactor} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" busy={isPending}>
            Disable
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
