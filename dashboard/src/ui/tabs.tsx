import { classes } from './class.ts'

interface TabsProps {
  readonly label: string
  readonly value: string
  readonly tabs: readonly (readonly [value: string, name: string])[]
  readonly onChange: (value: string) => void
}

/** Views of one thing. The chosen one is kept in the address (`useSearchState`). */
export function Tabs({ label, value, tabs, onChange }: TabsProps) {
  return (
    <nav aria-label={label} className="flex gap-1 overflow-x-auto border-b border-line">
      {tabs.map(([key, name]) => (
        <button
          key={key}
          type="button"
          aria-current={key === value ? 'page' : undefined}
          onClick={() => onChange(key)}
          className={classes(
            '-mb-px h-9 border-b-2 px-3 whitespace-nowrap -outline-offset-2',
            key === value ? 'border-accent font-medium text-ink' : 'border-transparent text-muted hover:text-ink',
          )}
        >
          {name}
        </button>
      ))}
    </nav>
  )
}
