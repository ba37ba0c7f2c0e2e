import type { ApiKey, UpdateApiKeyRequest } from '../../api/types.ts'
import { differing } from '../../lib/differing.ts'
import { isCount, type LimitForm, toLimitForm, toLimits } from './limit-form.ts'

/** What a form of a key holds: text, as it is typed. */
export interface KeyForm {
  readonly name: string
  readonly description: string
  readonly scopes: string
  readonly rate: string
  readonly limits: readonly LimitForm[]
  readonly concurrent: string
  /** Days from now, `date`, `never`, or `keep` for what it is. */
  readonly expiry: string
  /** When `expiry` was chosen, in milliseconds since 1970, so that a repeat of the request says the same time. */
  readonly chosenAt: number
  readonly date: string
  readonly addresses: string
  readonly metadata: string
}

export const NEW_KEY: KeyForm = {
  name: '',
  description: '',
  scopes: '',
  rate: '',
  limits: [],
  concurrent: '',
  expiry: 'never',
  chosenAt: 0,
  date: '',
  addresses: '',
  metadata: '',
}

export const toKeyForm = (key: ApiKey): KeyForm => ({
  name: key.name,
  description: key.description ?? '',
  scopes: key.scopes.join(' '),
  rate: key.custom_rate_limit === null ? '' : String(key.custom_rate_limit),
  limits: key.limits.map(toLimitForm),
  concurrent: key.max_concurrent === null ? '' : String(key.max_concurrent),
  expiry: 'keep',
  chosenAt: 0,
  date: '',
  addresses: (key.allowed_ips ?? []).join('\n'),
  metadata: Object.keys(key.metadata).length > 0 ? JSON.stringify(key.metadata, null, 2) : '',
})

const DAY_MS = 86_400_000
const words = (text: string) => text.split(/[\s,]+/).filter(Boolean)

/** @returns the body of a request, or what is wrong with a field that the server would not understand */
export function toKeyBody(
  form: KeyForm,
): { body: UpdateApiKeyRequest } | { wrong: Partial<Record<keyof KeyForm, string>> } {
  const metadata = parseMetadata(form.metadata)
  if (metadata === undefined) return { wrong: { metadata: 'Enter a JSON object, such as {"team": "search"}.' } }
  if (form.expiry === 'date' && Number.isNaN(Date.parse(form.date))) return { wrong: { date: 'Choose a date.' } }
  if (!isOptionalCount(form.rate)) return { wrong: { rate: WHOLE } }
  if (!isOptionalCount(form.concurrent)) return { wrong: { concurrent: WHOLE } }
  const limits = toLimits(form.limits)
  if (!limits)
    return {
      wrong: { limits: 'Each limit needs a name and a number of units: a whole number, except for US dollars.' },
    }
  const addresses = words(form.addresses)
  return {
    body: {
      name: form.name.trim(),
      description: form.description.trim() || null,
      scopes: words(form.scopes),
      custom_rate_limit: toCount(form.rate),
      limits,
      max_concurrent: toCount(form.concurrent),
      allowed_ips: addresses.length > 0 ? addresses : null,
      metadata,
      ...(form.expiry !== 'keep' && { expires_at: expiryTime(form) }),
    },
  }
}

/** The same for a change: what differs from the form as it was opened. */
export function toKeyChanges(opened: KeyForm, form: KeyForm): ReturnType<typeof toKeyBody> {
  const [before, read] = [toKeyBody(opened), toKeyBody(form)]
  return 'body' in read && 'body' in before ? { body: differing(before.body, read.body) } : read
}

const WHOLE = 'Enter a whole number, 1 or more.'
const isOptionalCount = (text: string) => text.trim() === '' || isCount(text)
const toCount = (text: string) => (text.trim() === '' ? null : Number(text))

function expiryTime({ expiry, date, chosenAt }: KeyForm): string | null {
  if (expiry === 'never') return null
  if (expiry === 'date') return new Date(`${date}T23:59:59`).toISOString()
  return new Date(chosenAt + Number(expiry) * DAY_MS).toISOString()
}

function parseMetadata(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
