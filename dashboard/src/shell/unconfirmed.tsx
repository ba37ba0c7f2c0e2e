import { useChange } from '../api/hooks.ts'
import { Button } from '../ui/button.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { toast } from '../ui/toast.tsx'

/** For somebody who gets no key until their address is confirmed. */
export function Unconfirmed({ email }: { readonly email: string }) {
  const { mutate, error, isPending } = useChange('POST /auth/email/resend')
  const send = () =>
    mutate({ body: { email } }, { onSuccess: () => toast('Link sent', `Open the link that was sent to ${email}.`) })
  return (
    <div className="flex flex-col gap-2 px-4 pt-4 md:px-8">
      <Notice kind="warn">
        <span className="flex flex-wrap items-center justify-between gap-2">
          <span className="min-w-0 break-words">
            Confirm your email address to create keys: open the link that was sent to {email}.
          </span>
          <Button busy={isPending} onClick={send}>
            Send another link
          </Button>
        </span>
      </Notice>
      <ErrorNotice error={error} />
    </div>
  )
}
