import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Button, IconButton } from './button.tsx'

const SHOWN_MS = 2_000

interface CopyProps {
  readonly text: string
  readonly label: string
  readonly onCopied?: (() => void) | undefined
}

function useCopy(text: string, onCopied?: () => void) {
  const [isCopied, setIsCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return undefined
    const timer = setTimeout(() => setIsCopied(false), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [isCopied])
  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(text)
    setIsCopied(true)
    onCopied?.()
  }
  return { isCopied, copy: () => void copy() }
}

export function CopyIcon({ text, label, onCopied }: CopyProps) {
  const { isCopied, copy } = useCopy(text, onCopied)
  return (
    <IconButton
      label={isCopied ? 'Copied' : label}
      className="size-6"
      onClick={(event) => {
        event.stopPropagation()
        copy()
      }}
    >
      {isCopied ? <Check aria-hidden /> : <Copy aria-hidden />}
    </IconButton>
  )
}

export function CopyButton({ text, label, onCopied, autoFocus = false }: CopyProps & { readonly autoFocus?: boolean }) {
  const { isCopied, copy } = useCopy(text, onCopied)
  return (
    <Button look="primary" onClick={copy} autoFocus={autoFocus}>
      {isCopied ? <Check aria-hidden className="size-4" /> : <Copy aria-hidden className="size-4" />}
      {isCopied ? 'Copied' : label}
    </Button>
  )
}

/** An id or another piece of code, with a button that copies it. */
export function Code({ children, copy = true }: { readonly children: string; readonly copy?: boolean }) {
  return (
    <span className="inline-flex max-w-full items-center gap-0.5 align-bottom">
      <code className="truncate font-mono text-small" title={children}>
        {children}
      </code>
      {copy && <CopyIcon text={children} label={`Copy ${children}`} />}
    </span>
  )
}

/** Several lines of code. */
export function CodeBlock({ code, label, onCopied }: Omit<CopyProps, 'text'> & { readonly code: string }) {
  return (
    <div className="relative rounded-md border border-line bg-surface">
      <pre tabIndex={0} role="region" aria-label={label} className="overflow-x-auto p-3 pr-12 font-mono text-small">
        {code}
      </pre>
      <div className="absolute top-1.5 right-1.5 bg-surface">
        <CopyIcon text={code} label={`Copy ${label}`} onCopied={onCopied} />
      </div>
    </div>
  )
}
