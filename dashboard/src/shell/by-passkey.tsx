import { canUsePasskeys, reauthenticateByPasskey } from '../account/passkey.ts'
import { useSubmit } from '../account/use-submit.ts'
import { useRead } from '../api/hooks.ts'
import { Button } from '../ui/button.tsx'
import { ErrorNotice } from '../ui/notice.tsx'

/** Lets somebody who has a passkey show by it that they are present; nothing for others. */
export function ByPasskey({ onProved }: { readonly onProved: () => void }) {
  const { data } = useRead('GET /auth/passkeys')
  const { busy, error, submit } = useSubmit(async () => {
    await reauthenticateByPasskey()
    onProved()
  })
  if (!canUsePasskeys() || !data?.data.some((one) => one.works_here)) return null
  return (
    <div className="flex flex-col gap-2">
      <Button wide busy={busy} onClick={submit}>
        Use a passkey
      </Button>
      <ErrorNotice error={error} />
    </div>
  )
}
