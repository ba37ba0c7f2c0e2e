import { Suspense, useCallback, useEffect, useState } from 'react'
import { Dialog } from '../ui/dialog.tsx'
import { lazyPart } from '../ui/lazy-part.tsx'
import { Skeleton } from '../ui/states.tsx'
import { hasModifier, useShortcut } from './use-shortcut.ts'

/** Loaded when it is first opened. */
const Contents = lazyPart(async () => (await import('./palette-contents.tsx')).PaletteContents)

const OPEN = 'open-palette'

export const openPalette = () => dispatchEvent(new Event(OPEN))

/** Finds screens, keys, customers and actions by what is typed (Ctrl K, or ⌘ K). */
export function Palette() {
  const [isOpen, setIsOpen] = useState(false)
  useEffect(() => {
    const open = () => setIsOpen(true)
    addEventListener(OPEN, open)
    return () => removeEventListener(OPEN, open)
  }, [])
  useShortcut(
    useCallback((event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !hasModifier(event)) return
      event.preventDefault()
      setIsOpen(true)
    }, []),
  )
  return (
    <Dialog open={isOpen} onClose={() => setIsOpen(false)} title="Find">
      <Suspense fallback={<Skeleton lines={5} />}>
        <Contents onClose={() => setIsOpen(false)} />
      </Suspense>
    </Dialog>
  )
}
