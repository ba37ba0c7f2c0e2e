import { useCallback, useRef, useState } from 'react'
import { Dialog } from '../ui/dialog.tsx'
import { useGo } from '../ui/link.tsx'
import { useSingleKeys } from './single-keys.ts'
import { MODIFIER_NAME, useShortcut } from './use-shortcut.ts'

/** Two keys after each other: `g`, then the screen's letter. */
const GO_TO: Readonly<Record<string, readonly [path: string, name: string]>> = {
  o: ['/', 'Overview'],
  k: ['/keys', 'API keys'],
  u: ['/usage', 'Usage'],
  e: ['/events', 'Events'],
  l: ['/limits', 'Limits and alerts'],
  b: ['/billing', 'Billing'],
  m: ['/members', 'Members'],
}

const PAIR_MS = 1_000

/** Shortcuts for the whole page, and the list of them. */
export function Shortcuts() {
  const [isOpen, setIsOpen] = useState(false)
  const go = useGo()
  const areOn = useSingleKeys()
  const wentAt = useRef(Number.NEGATIVE_INFINITY)
  useShortcut(
    useCallback(
      (event: KeyboardEvent) => {
        if (!areOn || event.ctrlKey || event.metaKey || event.altKey) return
        if (event.key === '?') setIsOpen(true)
        else if (event.key === 'g') wentAt.current = event.timeStamp
        else if (event.timeStamp - wentAt.current < PAIR_MS) {
          const [path] = GO_TO[event.key] ?? []
          if (path) go(path)
          wentAt.current = Number.NEGATIVE_INFINITY
        }
      },
      [areOn, go],
    ),
  )
  const rows = [
    [`${MODIFIER_NAME} K`, 'Find screens, keys and actions'],
    ['?', 'Show this list'],
    ...Object.entries(GO_TO).map(([key, [, name]]) => [`g ${key}`, `Go to ${name}`] as const),
    ['Esc', 'Close what is open'],
  ] as const
  return (
    <Dialog open={isOpen} onClose={() => setIsOpen(false)} title="Keyboard shortcuts">
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
        {rows.map(([keys, what]) => (
          <div key={keys} className="contents">
            <dt>
              <kbd className="rounded border border-line bg-surface px-1.5 py-0.5 font-mono text-small">{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
