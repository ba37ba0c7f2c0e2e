import { type FormEvent, useId, useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import { Button } from '../../ui/button.tsx'
import { Input } from '../../ui/field.tsx'
import { FilterSelect } from '../../ui/filters.tsx'
import { FILTERS, type FilterName, filterName } from './event-filters.ts'
import { beginning } from './event-ranges.ts'
import { groupName, toDimension } from './measures.ts'

/** Adds a filter: what by, and the value, of which those in use are suggested. */
export function AddFilter({ onAdd }: { readonly onAdd: (name: FilterName, value: string) => void }) {
  const [name, setName] = useState<FilterName>('endpoint')
  const [value, setValue] = useState('')
  const id = useId()
  const dimension = toDimension(name)
  const from = beginning('35d')
  const { data } = useRead(
    'GET /usage/breakdown',
    { query: { from, by: dimension ?? 'endpoint', limit: 100 } },
    { enabled: dimension !== undefined },
  )
  const suggested = data?.by === dimension ? data?.data.filter((group) => group.value !== null) : []

  function submit(event: FormEvent): void {
    event.preventDefault()
    const given = value.trim()
    if (given === '') return
    const named = suggested?.find((group) => groupName(group, 'key') === given)
    onAdd(name, named?.value ?? given)
    setValue('')
  }

  return (
    <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
      <FilterSelect label="Filter by" value={name} options={FILTERS} onChange={(one) => setName(one as FilterName)} />
      <div className="flex min-w-40 flex-1 flex-col gap-1 sm:max-w-64">
        <label htmlFor={id} className="text-small font-normal text-muted">
          {filterName(name)}
        </label>
        <Input id={id} list={`${id}-values`} value={value} onChange={({ target }) => setValue(target.value)} />
        <datalist id={`${id}-values`}>
          {suggested?.map((group) => (
            <option key={group.value} value={dimension ? groupName(group, dimension) : ''} />
          ))}
        </datalist>
      </div>
      <Button type="submit">Add filter</Button>
    </form>
  )
}
