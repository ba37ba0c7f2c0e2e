import { Menu as Base } from '@base-ui/react/menu'
import { Ellipsis } from 'lucide-react'
import type { ReactElement, ReactNode } from 'react'
import { IconButton } from './button.tsx'
import { classes } from './class.ts'

export interface MenuItem {
  readonly label: string
  readonly onSelect: () => void
  readonly destructive?: boolean
  readonly disabled?: boolean
}

interface MenuProps {
  /** The button that opens it. */
  readonly trigger: ReactElement<Record<string, unknown>>
  readonly items: readonly MenuItem[]
  /** Above the items. */
  readonly head?: ReactNode
}

export function Menu({ trigger, items, head }: MenuProps) {
  return (
    <Base.Root modal={false}>
      <Base.Trigger render={trigger} onClick={(event) => event.stopPropagation()} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="end" className="z-50">
          <Base.Popup className="max-w-80 min-w-44 rounded-md border border-line bg-raised p-1 shadow-lg outline-none">
            {head && <div className="border-b border-line px-2 pt-1 pb-2 text-small text-muted">{head}</div>}
            {items.map(({ label, onSelect, destructive, disabled = false }) => (
              <Base.Item
                key={label}
                disabled={disabled}
                onClick={(event) => {
                  event.stopPropagation()
                  onSelect()
                }}
                className={classes(
                  'flex h-8 cursor-pointer items-center truncate rounded px-2 outline-none data-[disabled]:opacity-50 data-[highlighted]:bg-hover',
                  destructive && 'text-bad',
                )}
              >
                {label}
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

interface RowMenuProps {
  /** What the row is, for its menu's name. */
  readonly name: string
  readonly id: string
  readonly items?: readonly MenuItem[]
}

/** The menu at the end of a row. It begins with copying the id. */
export function RowMenu({ name, id, items = [] }: RowMenuProps) {
  const copyId = { label: 'Copy id', onSelect: () => void navigator.clipboard.writeText(id) }
  return (
    <Menu
      trigger={
        <IconButton label={`Actions for ${name}`}>
          <Ellipsis aria-hidden />
        </IconButton>
      }
      items={[copyId, ...items]}
    />
  )
}
