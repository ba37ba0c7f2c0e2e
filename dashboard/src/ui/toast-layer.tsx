import { Toast } from '@base-ui/react/toast'
import { X } from 'lucide-react'
import { useEffect } from 'react'
import { IconButton } from './button.tsx'
import { type Message, receiveToasts } from './toast.tsx'

const manager = Toast.createToastManager()

/** Shows messages in a corner, for a few seconds. */
export function ToastLayer() {
  useEffect(
    () =>
      receiveToasts(({ title, description }: Message) => {
        manager.add({ title, ...(description && { description }) })
      }),
    [],
  )
  return (
    <Toast.Provider toastManager={manager} timeout={5_000}>
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-50 flex w-[calc(100vw-2rem)] max-w-80 flex-col gap-2">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function ToastList() {
  const { toasts } = Toast.useToastManager()
  return toasts.map((one) => (
    <Toast.Root
      key={one.id}
      toast={one}
      className="flex items-start justify-between gap-2 rounded-md border border-line bg-raised py-2 pr-1 pl-3 shadow-lg transition-opacity duration-100 data-[ending-style]:opacity-0 data-[starting-style]:opacity-0"
    >
      <div className="min-w-0 py-1.5">
        <Toast.Title className="font-medium" />
        <Toast.Description className="text-muted" />
      </div>
      <Toast.Close
        render={
          <IconButton label="Close message">
            <X aria-hidden />
          </IconButton>
        }
      />
    </Toast.Root>
  ))
}
