import { useEffect, useRef, useState } from 'react'
import type { TwoFactorSetup } from '../../api/types.ts'
import { useStepUp } from '../../shell/step-up.tsx'
import { Button } from '../../ui/button.tsx'
import { CopyIcon } from '../../ui/copy.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { BackupCodes } from './backup-codes.tsx'
import { isProofError, NO_FACTOR, SecondFactorField } from './fields.tsx'

/** Sets up the second factor: the secret as QR code and as text, then a code that proves it, then the backup codes. */
export function SetUp({ onClose }: { readonly onClose: () => void }) {
  const { mutate, error, stepUp } = useStepUp('POST /auth/2fa/setup')
  const [secret, setSecret] = useState<TwoFactorSetup>()
  const [codes, setCodes] = useState<readonly string[]>()
  const isAsked = useRef(false)
  const start = () => mutate({ body: {} }, { onSuccess: setSecret })
  useEffect(() => {
    if (isAsked.current) return
    isAsked.current = true
    start()
  })
  if (codes) return <BackupCodes codes={codes} title="Second factor enabled" onClose={onClose} />
  return (
    <Dialog open onClose={onClose} title="Set up the second factor">
      {error && <ErrorNotice error={error} onRetry={start} />}
      {!secret && !error && <Skeleton lines={4} />}
      {secret && <Enable secret={secret} onClose={onClose} onEnabled={setCodes} />}
      {stepUp}
    </Dialog>
  )
}

interface EnableProps {
  readonly secret: TwoFactorSetup
  readonly onClose: () => void
  readonly onEnabled: (codes: readonly string[]) => void
}

function Enable({ secret: { secret, qr_svg }, onClose, onEnabled }: EnableProps) {
  const [factor, setFactor] = useState(NO_FACTOR)
  const { mutate, error, isPending, stepUp } = useStepUp('POST /auth/2fa/enable')
  const enable = () => mutate({ body: factor }, { onSuccess: ({ backup_codes }) => onEnabled(backup_codes) })
  return (
    <>
      <Form onSubmit={enable}>
        <p>Scan the QR code with an authenticator app, or enter the secret there. Then enter the code it shows.</p>
        <div className="flex flex-wrap items-center gap-4">
          <img
            src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(qr_svg)}`}
            alt="QR code with the secret"
            width={176}
            height={176}
            className="size-44 rounded-md border border-line"
          />
          <div className="min-w-0 flex-1">
            <p className="text-muted">Secret</p>
            <p className="font-mono text-small">
              {secret.match(/.{1,4}/g)?.join(' ')} <CopyIcon text={secret} label="Copy the secret" />
            </p>
          </div>
        </div>
        {!isProofError(error) && <ErrorNotice error={error} except={['code']} />}
        <SecondFactorField value={factor} error={error} onChange={setFactor} autoFocus isNew />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Enable
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </>
  )
}
