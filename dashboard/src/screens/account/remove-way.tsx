import type { ReactNode } from 'react'
import { useStepUp } from '../../shell/step-up.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { toast } from '../../ui/toast.tsx'

interface RemoveWayProps {
  readonly operation: 'DELETE /auth/identities/{id}' | 'DELETE /auth/passkeys/{id}'
  readonly id: string
  readonly title: string
  /** What the button says. */
  readonly action: string
  /** What is said afterwards. */
  readonly done: string
  readonly onClose: () => void
  readonly children: ReactNode
}

/** Asks whether a way to sign in shall go, and takes it away. */
export function RemoveWay({ operation, id, title, action, done, onClose, children }: RemoveWayProps) {
  const { mutate, error, isPending, stepUp } = useStepUp(operation)
  const remove = () =>
    mutate(
      { params: { id } },
      {
        onSuccess() {
          toast(done, 'Your other devices are signed out.')
          onClose()
        },
      },
    )
  return (
    <>
      <Confirm
        open
        onClose={onClose}
        title={title}
        action={action}
        destructive
        onConfirm={remove}
        busy={isPending}
        error={error}
      >
        {children}
      </Confirm>
      {stepUp}
    </>
  )
}
