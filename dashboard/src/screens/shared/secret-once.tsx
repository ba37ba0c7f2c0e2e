import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { CopyButton } from '../../ui/copy.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Notice } from '../../ui/notice.tsx'
import { useSecretGuard } from './use-secret-guard.tsx'

interface SecretOnceProps {
  readonly title: string
  /** What it is called, such as "key". */
  readonly noun: string
  readonly secret: string
  /** What to do with it. */
  readonly children?: React.ReactNode
  readonly onClose: () => void
}

const SHOWN = 14

/** A secret that is shown this once: masked, ready to be copied. Closing it asks, unless it was copied. */
export function SecretOnce({ title, noun, secret, children, onClose }: SecretOnceProps) {
  const [isVisible, setIsVisible] = useState(false)
  const { close, onCopied, question } = useSecretGuard(noun, { onClose })
  return (
    <Dialog open onClose={close} title={title} closesOutside={false}>
      <Notice kind="warn">Copy the {noun} now. You cannot see it again.</Notice>
      <div className="flex items-start justify-between gap-2 rounded-md border border-line bg-surface py-1 pr-1 pl-3">
        <code className="min-w-0 py-1.5 font-mono text-small break-all" onCopy={isVisible ? onCopied : undefined}>
          {isVisible ? secret : `${secret.slice(0, SHOWN)}${'•'.repeat(16)}`}
        </code>
        <Button look="quiet" onClick={() => setIsVisible(!isVisible)}>
          {isVisible ? 'Hide' : 'Show'}
        </Button>
      </div>
      {children}
      <Actions>
        <Button onClick={close}>Done</Button>
        <CopyButton text={secret} label={`Copy ${noun}`} onCopied={onCopied} autoFocus />
      </Actions>
      {question}
    </Dialog>
  )
}
