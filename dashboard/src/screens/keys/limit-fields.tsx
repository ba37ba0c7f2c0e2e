import { X } from 'lucide-react'
import { Button, IconButton } from '../../ui/button.tsx'
import { Fieldset, Input, Select } from '../../ui/field.tsx'
import type { OwnMeters } from '../usage/meters.ts'
import { useOwnMeters } from '../usage/own-meters.ts'
import { type LimitForm, metersWith, NEW_LIMIT, spansWith } from './limit-form.ts'

const MOST = 10

interface LimitFieldsProps {
  readonly limits: readonly LimitForm[]
  readonly onChange: (limits: readonly LimitForm[]) => void
  readonly error: string | undefined
}

/** Limits in addition to the rate limit, each with a name, a meter and a window or period of its own. */
export function LimitFields({ limits, onChange, error }: LimitFieldsProps) {
  const own = useOwnMeters()
  const change = (at: number, changed: Partial<LimitForm>) =>
    onChange(limits.map((limit, index) => (index === at ? { ...limit, ...changed } : limit)))
  return (
    <Fieldset
      legend="More limits"
      hint="Of requests, tokens, dollars or another meter, in a window or calendar period of your choice. All are checked together with the rate limit."
    >
      {limits.map((limit, at) => (
        <LimitRow
          key={at}
          limit={limit}
          own={own}
          number={at + 1}
          onChange={(changed) => change(at, changed)}
          onRemove={() => onChange(limits.filter((_, index) => index !== at))}
        />
      ))}
      {error && (
        <p role="alert" className="text-small text-bad">
          {error}
        </p>
      )}
      {limits.length < MOST && (
        <Button className="self-start" onClick={() => onChange([...limits, NEW_LIMIT])}>
          Add limit
        </Button>
      )}
    </Fieldset>
  )
}

interface LimitRowProps {
  readonly limit: LimitForm
  readonly own: OwnMeters
  readonly number: number
  readonly onChange: (changed: Partial<LimitForm>) => void
  readonly onRemove: () => void
}

function LimitRow({ limit, own, number, onChange, onRemove }: LimitRowProps) {
  const { name, meter, limit: units, span, isPerSubject } = limit
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Input
        aria-label={`Name of limit ${number}`}
        placeholder="Name, such as exports"
        className="max-sm:w-full sm:max-w-40"
        value={name}
        onChange={({ target }) => onChange({ name: target.value })}
      />
      <Input
        aria-label={`Units of limit ${number}`}
        placeholder="Units"
        inputMode="decimal"
        className="max-w-24"
        value={units}
        onChange={({ target }) => onChange({ limit: target.value })}
      />
      <Select
        aria-label={`Meter of limit ${number}`}
        className="max-w-36"
        value={meter}
        onChange={({ target }) => onChange({ meter: target.value })}
      >
        {metersWith(meter, own).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </Select>
      <Select
        aria-label={`Window of limit ${number}`}
        className="max-w-36"
        value={span}
        onChange={({ target }) => onChange({ span: target.value })}
      >
        {spansWith(span).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </Select>
      <Select
        aria-label={`Whose units limit ${number} counts`}
        className="max-w-36"
        value={isPerSubject ? 'subject' : 'key'}
        onChange={({ target }) => onChange({ isPerSubject: target.value === 'subject' })}
      >
        <option value="key">of the key</option>
        <option value="subject">of each subject</option>
      </Select>
      <IconButton label={`Remove limit ${number}`} onClick={onRemove}>
        <X aria-hidden />
      </IconButton>
    </div>
  )
}
