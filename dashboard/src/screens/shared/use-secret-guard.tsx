import { useBlocker } from '@tanstack/react-router'
import { useState } from 'react'
import { Confirm } from '../../ui/dialog.tsx'

interface GuardOptions {
  /** Whether the secret is on the screen. */
  readonly isShown?: boolean
  /** Closes what shows it; not needed where only leaving the screen does. */
  readonly onClose?: () => void
}

/**
 * Asks before a secret that nobody can read again is lost: by closing what shows it, by leaving the screen, and by closing the
 * tab. Once it was copied, nothing asks.
 *
 * @param noun what it is called, such as "key"
 */
export function useSecretGuard(noun: string, { isShown = true, onClose }: GuardOptions = {}) {
  const [isStored, setIsStored] = useState(false)
  const [isClosing, setIsClosing] = useState(false)
  const leaving = useBlocker({
    shouldBlockFn: () => isShown && !isStored,
    enableBeforeUnload: () => isShown && !isStored,
    withResolver: true,
  })
  const isLeaving = leaving.status === 'blocked'
  function stay(): void {
    setIsClosing(false)
    leaving.reset?.()
  }
  return {
    onCopied: () => setIsStored(true),
    close: () => (isStored ? onClose?.() : setIsClosing(true)),
    question: (
      <Confirm
        open={isClosing || isLeaving}
        onClose={stay}
        title={`Have you stored the ${noun}?`}
        action="Yes, continue"
        destructive={false}
        onConfirm={() => (isLeaving ? leaving.proceed?.() : onClose?.())}
      >
        <p>You cannot see it again. If you lose it, you need a new one.</p>
      </Confirm>
    ),
  }
}
