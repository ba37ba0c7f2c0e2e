import { Button } from '../../ui/button.tsx'
import { Choice, Field, Fieldset, Input } from '../../ui/field.tsx'
import { type HeaderRow, NEW_HEADER } from './route-form.ts'

interface HeaderFieldsProps {
  readonly headers: readonly HeaderRow[]
  readonly error: string | undefined
  readonly onChange: (headers: readonly HeaderRow[]) => void
}

/** Headers that are added to a request, such as the upstream's credential. */
export function HeaderFields({ headers, error, onChange }: HeaderFieldsProps) {
  const change = (at: number, changes: Partial<HeaderRow>) =>
    onChange(headers.map((header, place) => (place === at ? { ...header, ...changes } : header)))
  return (
    <Fieldset legend="Added headers" hint="Such as the upstream’s own credential. The caller’s key is never forwarded.">
      {error && (
        <p role="alert" className="text-small text-bad">
          {error}
        </p>
      )}
      {headers.map((header, at) => (
        <HeaderFieldsRow
          // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other identity while they are typed
          key={at}
          number={at + 1}
          header={header}
          onChange={(changes) => change(at, changes)}
          onRemove={() => onChange(headers.filter((_, place) => place !== at))}
        />
      ))}
      <Button className="self-start" onClick={() => onChange([...headers, NEW_HEADER])}>
        Add header
      </Button>
    </Fieldset>
  )
}

interface RowProps {
  readonly number: number
  readonly header: HeaderRow
  readonly onChange: (changes: Partial<HeaderRow>) => void
  readonly onRemove: () => void
}

function HeaderFieldsRow({ number, header, onChange, onRemove }: RowProps) {
  const { name, value, isSecret, isStored } = header
  return (
    <div className="flex flex-col gap-2 rounded border border-line p-3">
      <Field label={`Header ${number}`}>
        <Input
          className="font-mono"
          placeholder="Authorization"
          value={name}
          readOnly={isStored}
          onChange={({ target }) => onChange({ name: target.value })}
        />
      </Field>
      <Field
        label={`Value ${number}`}
        hint={isStored ? 'A secret is stored. Enter a new one to replace it.' : undefined}
      >
        <Input
          className="font-mono"
          type={isSecret ? 'password' : 'text'}
          autoComplete="off"
          value={value}
          onChange={({ target }) => onChange({ value: target.value })}
        />
      </Field>
      <div className="flex items-center justify-between gap-2">
        <Choice
          label="Secret"
          checked={isSecret}
          disabled={isStored}
          onChange={({ target }) => onChange({ isSecret: target.checked })}
        />
        <Button onClick={onRemove} aria-label={`Remove header ${name || number}`}>
          Remove
        </Button>
      </div>
    </div>
  )
}
