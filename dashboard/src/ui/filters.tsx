import { Search, X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useState } from 'react'
import { isKeyLike } from '../lib/is-key-like.ts'
import { classes } from './class.ts'
import { Input, Select } from './field.tsx'

/** Filters in one line, above what they filter. */
export function Filters({ children }: { readonly children: ReactNode }) {
  return (
    <div role="search" className="flex flex-wrap items-end gap-3">
      {children}
    </div>
  )
}

interface FilterSelectProps {
  readonly label: string
  readonly value: string
  /** Values with their names; the first is usually "all". */
  readonly options: readonly (readonly [value: string, name: string])[]
  /** Whether options are read after the page is shown: then the width does not follow from them, and nothing moves. */
  readonly isReadLater?: boolean
  readonly onChange: (value: string) => void
}

export function FilterSelect({ label, value, options, isReadLater = false, onChange }: FilterSelectProps) {
  const id = useId()
  return (
    <div className={classes('flex flex-col gap-1', isReadLater && 'w-36')}>
      <label htmlFor={id} className="text-small font-normal text-muted">
        {label}
      </label>
      <Select
        id={id}
        className={isReadLater ? undefined : 'max-w-60 min-w-28'}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      >
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </Select>
    </div>
  )
}

interface FilterTextProps {
  readonly label: string
  readonly value: string
  readonly placeholder?: string
  readonly onChange: (value: string) => void
}

/** How long typing must rest before the list is read again. */
const REST_MS = 250

/** A whole key is not searched for: it would get into the address, and into logs. */
export function FilterText({ label, value, placeholder, onChange }: FilterTextProps) {
  const id = useId()
  const [text, setText] = useState(value)
  const isKey = isKeyLike(text)
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text === value || isKey) return undefined
    const timer = setTimeout(() => onChange(text.trim()), REST_MS)
    return () => clearTimeout(timer)
  }, [text, value, isKey, onChange])
  return (
    <div className="flex min-w-48 flex-1 flex-col gap-1 sm:max-w-80">
      <label htmlFor={id} className="text-small font-normal text-muted">
        {label}
      </label>
      <div className="relative">
        <Search aria-hidden className="pointer-events-none absolute top-2 left-2 size-4 text-muted" />
        <Input
          id={id}
          type="search"
          className="pl-8"
          placeholder={placeholder}
          aria-invalid={isKey || undefined}
          aria-describedby={isKey ? `${id}-note` : undefined}
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
      </div>
      {isKey && (
        <p id={`${id}-note`} role="alert" className="text-small text-bad">
          This is a full key, which must not appear in a URL. Search by its hint or name.
        </p>
      )}
    </div>
  )
}

interface FilterDayProps {
  readonly label: string
  /** `2026-01-31`, or empty. */
  readonly value: string
  readonly onChange: (value: string) => void
}

export function FilterDay({ label, value, onChange }: FilterDayProps) {
  const id = useId()
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-small font-normal text-muted">
        {label}
      </label>
      <Input id={id} type="date" className="w-36" value={value} onChange={({ target }) => onChange(target.value)} />
    </div>
  )
}

export interface FilterChip {
  readonly name: string
  readonly value: string
  readonly onRemove: () => void
}

/** The filters that are on, each with a button that takes it off. */
export function FilterChips({
  chips,
  onClear,
}: {
  readonly chips: readonly FilterChip[]
  readonly onClear: () => void
}) {
  if (chips.length === 0) return null
  return (
    <ul aria-label="Active filters" className="flex flex-wrap items-center gap-2">
      {chips.map(({ name, value, onRemove }) => (
        <li
          key={name}
          className="inline-flex h-7 max-w-full items-center rounded-md border border-line bg-surface pl-2.5"
        >
          <span className="truncate text-small">
            <span className="text-muted">{name}</span> {value}
          </span>
          <button
            type="button"
            aria-label={`Remove filter ${name} ${value}`}
            onClick={onRemove}
            className="ml-1 inline-flex size-6.5 shrink-0 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-ink"
          >
            <X aria-hidden className="size-3.5" />
          </button>
        </li>
      ))}
      <li>
        <button type="button" onClick={onClear} className="rounded px-1 text-small text-accent hover:underline">
          Clear filters
        </button>
      </li>
    </ul>
  )
}
