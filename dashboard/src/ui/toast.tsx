import { type ReactNode, Suspense } from 'react'
import { lazyPart } from './lazy-part.tsx'

export interface Message {
  readonly title: string
  readonly description: string | undefined
}

/** No part of the first load. */
const Layer = lazyPart(async () => (await import('./toast-layer.tsx')).ToastLayer)

/** What is said before the layer is there. */
const waiting: Message[] = []
let show: ((message: Message) => void) | undefined

/** Says that something is done. Failures are said where they happened, not here. */
export function toast(title: string, description?: string): void {
  const message = { title, description }
  if (show) show(message)
  else waiting.push(message)
}

/** @returns what ends it */
export function receiveToasts(receive: (message: Message) => void): () => void {
  show = receive
  for (const message of waiting.splice(0)) receive(message)
  return () => {
    show = undefined
  }
}

/** Shows the messages of `toast`. */
export const Toasts = ({ children }: { readonly children: ReactNode }) => (
  <>
    {children}
    <Suspense fallback={null}>
      <Layer />
    </Suspense>
  </>
)
