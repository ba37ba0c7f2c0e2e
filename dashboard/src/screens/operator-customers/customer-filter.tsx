import { X } from 'lucide-react'
import { useId, useState } from 'react'
import { useList, useRead } from '../../api/hooks.ts'
import { isKeyLike } from '../../lib/is-key-like.ts'
import { IconButton } from '../../ui/button.tsx'
import { Input } from '../../ui/field.tsx'

interface CustomerFilterProps {
  /** The id of an organization, or nothing. */
  readonly value: string
  readonly onChange: (id: string) => void
}

interface Named {
  readonly id: string
  readonly name: string
  readonly slug: string
}

/** Two customers may have the same name, but not the same slug. */
const optionText = ({ name, slug }: Named) => `${name} (${slug})`

/** Chooses one customer by typing a part of its name; the browser shows what matches. */
export function CustomerFilter({ value, onChange }: CustomerFilterProps) {
  const id = useId()
  return (
    <div className="flex min-w-48 flex-1 flex-col gap-1 sm:max-w-80">
      <label htmlFor={id} className="text-small font-normal text-muted">
        Customer
      </label>
      {value ? <Chosen id={id} value={value} onClear={() => onChange('')} /> : <Chooser id={id} onChange={onChange} />}
    </div>
  )
}

function Chosen({ id, value, onClear }: { id: string; value: string; onClear: () => void }) {
  const { data } = useRead('GET /admin/organizations/{organization_id}', { params: { organization_id: value } })
  return (
    <div className="relative">
      <Input id={id} readOnly className="pr-9" value={data?.id === value ? data.name : value} />
      <IconButton label="Clear customer" className="absolute top-0 right-0" onClick={onClear}>
        <X aria-hidden />
      </IconButton>
    </div>
  )
}

function Chooser({ id, onChange }: { id: string; onChange: (id: string) => void }) {
  const [text, setText] = useState('')
  const search = text.trim().replace(/ \([^()]*\)$/, '')
  const query = { ...(search && { search }), limit: 20 }
  const { rows } = useList('GET /admin/organizations', { query }, { enabled: !isKeyLike(text) })
  function type(next: string): void {
    setText(next)
    const chosen = rows?.find((row) => optionText(row) === next || row.id === next.trim())
    if (chosen) onChange(chosen.id)
  }
  return (
    <>
      <Input
        id={id}
        type="search"
        list={`${id}-list`}
        autoComplete="off"
        placeholder="All customers"
        value={text}
        onChange={({ target }) => type(target.value)}
      />
      <datalist id={`${id}-list`}>
        {rows?.map((row) => (
          <option key={row.id} value={optionText(row)} />
        ))}
      </datalist>
    </>
  )
}
