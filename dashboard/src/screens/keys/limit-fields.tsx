import { X } from 'lucide-react'
import type { NamedLimit } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { Button, IconButton } from '../../ui/button.tsx'
import { Fieldset, Input, Select } from '../../ui/field.tsx'

/** A named limit as it is typed. */
export interface LimitForm {
  readonly name: string
  readonly limit: string
  readonly window: number
  /** Units that a request takes; kept as it is. */
  readonly cost: number
}

const WINDOWS: readonly (readonly [seconds: number, name: string])[] = [
  [60, 'a minute'],
  [3_600, 'an hour'],
  [86_400, 'a day'],
  [604_800, 'a week'],
  [2_592_000, '30 days'],
]

const MOST = 10

export const isCount = (text: string): boolean => /^0*[1-9]\d*$/.test(text.trim())

export const toLimitForm = ({ name, limit, window_seconds, cost = 1 }: NamedLimit): LimitForm => ({
  name,
  limit: String(limit),
  window: window_seconds,
  cost,
})

/** @returns undefined if one of them is not complete */
export function toLimits(limits: readonly LimitForm[]): NamedLimit[] | undefined {
  if (limits.some(({ name, limit }) => name.trim() === '' || !isCount(limit))) return undefined
  return limits.map(({ name, limit, window, cost }) => ({
    name: name.trim(),
    limit: Number(limit),
    window_seconds: window,
    cost,
  }))
}

export const describeWindow = (seconds: number): string =>
  WINDOWS.find(([length]) => length === seconds)?.[1] ?? `${formatNumber(seconds)} seconds`

interface LimitFieldsProps {
  readonly limits: readonly LimitForm[]
  readonly onChange: (limits: readonly LimitForm[]) => void
  readonly error: string | undefined
}

/** Limits in addition to the rate limit, each with a name and a window of its own. */
export function LimitFields({ limits, onChange, error }: LimitFieldsProps) {
  const change = (at: number, changed: Partial<LimitForm>) =>
    onChange(limits.map((limit, index) => (index === at ? { ...limit, ...changed } : limit)))
  return (
    <Fieldset legend="More limits" hint="Units in a window of your choice, checked together with the rate limit.">
      {limits.map(({ name, limit, window }, at) => (
        <div key={at} className="flex flex-wrap items-center gap-2 sm:flex-nowrap">
          <Input
            aria-label={`Name of limit ${at + 1}`}
            placeholder="Name, such as exports"
            className="max-sm:w-full"
            value={name}
            onChange={({ target }) => change(at, { name: target.value })}
          />
          <Input
            aria-label={`Units of limit ${at + 1}`}
            placeholder="Units"
            inputMode="numeric"
            className="max-w-24"
            value={limit}
            onChange={({ target }) => change(at, { limit: target.value })}
          />
          <Select
            aria-label={`Window of limit ${at + 1}`}
            className="max-w-32"
            value={window}
            onChange={({ target }) => change(at, { window: Number(target.value) })}
          >
            {windowsWith(window).map(([seconds, label]) => (
              <option key={seconds} value={seconds}>
                {label}
              </option>
            ))}
          </Select>
          <IconButton
            label={`Remove limit ${at + 1}`}
            onClick={() => onChange(limits.filter((_, index) => index !== at))}
          >
            <X aria-hidden />
          </IconButton>
        </div>
      ))}
      {error && (
        <p role="alert" className="text-small text-bad">
          {error}
        </p>
      )}
      {limits.length < MOST && (
        <Button
          className="self-start"
          onClick={() => onChange([...limits, { name: '', limit: '', window: 86_400, cost: 1 }])}
        >
          Add limit
        </Button>
      )}
    </Fieldset>
  )
}

const windowsWith = (seconds: number) =>
  WINDOWS.some(([length]) => length === seconds) ? WINDOWS : [[seconds, describeWindow(seconds)] as const, ...WINDOWS]
