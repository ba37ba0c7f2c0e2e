import { lazy, Suspense, useEffect, useState } from 'react'
import { Dialog } from '../ui/dialog.tsx'
import { Skeleton } from '../ui/states.tsx'

/** Loaded when it is first opened. */
const Contents = lazy(async () => ({ default: (await import('./palette-contents.tsx')).PaletteContents }))

const OPEN = 'open-palette'

export const openPalette = () => dispatchEvent(new Event(OPEN))

/** Finds screens, keys, customers and actions by what is typed (Ctrl K). */
export function Palette() {
  const [isOpen, setIsOpen] = useState(false)
  useEffect(() => {
    const open = () => setIsOpen(true)
    function press(event: KeyboardEvent): void {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      setIsOpen((was) => !was)
    }
    addEventListener(OPEN, open)
    addEventListener('keydown', press)
    return () => {
      removeEventListener(OPEN, open)
      removeEventListener('keydown', press)
    }
  }, [])
  return (
    <Dialog open={isOpen} onClose={() => setIsOpen(false)} title="Find">
      <Suspense fallback={<Skeleton lines={5} />}>
        <Contents onClose={() => setIsOpen(false)} />
      </Suspense>
    </Dialog>
  )
}
