import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import type { ApiError } from '../api/problem.ts'
import { isSameName } from '../lib/same-name.ts'
import { Button, IconButton } from './button.tsx'
import { classes } from './class.ts'
import { ConfirmField } from './confirm-field.tsx'
import { Form } from './field.tsx'
import { ErrorNotice } from './notice.tsx'

const BACKDROP =
  'fixed inset-0 bg-shade transition-opacity duration-100 data-[ending-style]:opacity-0 data-[starting-style]:opacity-0'

interface DialogProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly title: string
  readonly children: ReactNode
  /** Beside the page's right edge, for looking at one thing of a list. */
  readonly side?: boolean
  /** Whether a press beside it closes it, too. */
  readonly closesOutside?: boolean
}

/** Asks or shows something in front of the page. Escape closes it, and the focus returns to where it was. */
export function Dialog({ open, onClose, title, children, side = false, closesOutside = true }: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()} disablePointerDismissal={!closesOutside}>
      <Base.Portal>
        <Base.Backdrop className={BACKDROP} />
        <Base.Popup
          className={classes(
            'fixed z-50 flex flex-col gap-4 overflow-y-auto border border-line bg-raised p-5 shadow-lg transition duration-100 data-[ending-style]:opacity-0 data-[starting-style]:opacity-0',
            side
              ? 'inset-y-0 right-0 w-full max-w-140 border-y-0 border-r-0'
              : 'top-[10vh] left-1/2 max-h-[80vh] w-[calc(100vw-2rem)] max-w-120 -translate-x-1/2 rounded-lg',
          )}
        >
          <div className="flex items-start justify-between gap-4">
            <Base.Title className="text-base font-medium">{title}</Base.Title>
            <Base.Close
              render={
                <IconButton label="Close" className="-mt-1.5 -mr-1.5">
                  <X aria-hidden />
                </IconButton>
              }
            />
          </div>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

interface ConfirmProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly title: string
  /** What will happen, and when. */
  readonly children: ReactNode
  /** The verb of the button. */
  readonly action: string
  readonly onConfirm: () => void
  readonly busy?: boolean
  readonly error?: ApiError | null
  /** A name that must be typed first, where nothing brings back what is deleted. */
  readonly typed?: string
  /** Whether something breaks or is lost. */
  readonly destructive?: boolean
}

/** Asks before something happens. */
export function Confirm({
  open,
  onClose,
  title,
  children,
  action,
  onConfirm,
  busy = false,
  error,
  typed,
  destructive = true,
}: ConfirmProps) {
  const [text, setText] = useState('')
  const isReady = typed === undefined || isSameName(text, typed)
  return (
    <Dialog open={open} onClose={onClose} title={title}>
      <Form onSubmit={() => isReady && onConfirm()}>
        <div className="flex flex-col gap-2">{children}</div>
        {typed !== undefined && <ConfirmField name={typed} value={text} onChange={setText} />}
        <ErrorNotice error={error} />
        <Actions>
          <Button onClick={onClose}>{action.startsWith('Cancel') ? 'Keep' : 'Cancel'}</Button>
          <Button type="submit" look={destructive ? 'danger' : 'primary'} busy={busy} disabled={!isReady}>
            {action}
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

/** The buttons at the end of a dialog or form. */
export function Actions({ children }: { readonly children: ReactNode }) {
  return <div className="flex flex-wrap justify-end gap-2">{children}</div>
}
