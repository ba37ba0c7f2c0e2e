import type { CreateGatewayRouteRequest, GatewayRoute, UpdateGatewayRouteRequest } from '../../api/types.ts'
import { differing } from '../../lib/differing.ts'

type Meter = GatewayRoute['meter']
export type MeterKind = 'requests' | 'openai' | 'anthropic' | 'from_header'

export const METER_KINDS: readonly (readonly [kind: MeterKind, label: string])[] = [
  ['requests', 'Requests'],
  ['openai', 'Tokens, as reported by OpenAI'],
  ['anthropic', 'Tokens, as reported by Anthropic'],
  ['from_header', 'Response headers'],
]

const SHORT: Readonly<Record<MeterKind, string>> = {
  requests: 'Requests',
  openai: 'OpenAI tokens',
  anthropic: 'Anthropic tokens',
  from_header: 'Headers',
}

const kindOf = (meter: Meter): MeterKind => (typeof meter === 'string' ? meter : 'from_header')
export const describeMeter = (meter: Meter) => SHORT[kindOf(meter)]

export interface HeaderRow {
  readonly name: string
  readonly value: string
  readonly isSecret: boolean
  /** A secret that is stored, and stays if no value is given. */
  readonly isStored: boolean
}

/** What the form holds: text, as it is typed. */
export interface RouteForm {
  readonly slug: string
  readonly upstream: string
  readonly prefix: string
  readonly isStripped: boolean
  readonly host: string
  readonly meter: MeterKind
  /** One a line: `queries=X-Queries`, or a meter of the operator's own. */
  readonly meterHeaders: string
  readonly headers: readonly HeaderRow[]
  readonly timeout: string
  readonly scopes: string
  readonly cost: string
  /** One a line: `reports=1`. */
  readonly limits: string
  readonly publicPaths: string
  readonly isEnabled: boolean
}

export const NEW_HEADER: HeaderRow = { name: '', value: '', isSecret: true, isStored: false }

export const NEW_ROUTE: RouteForm = {
  slug: '',
  upstream: '',
  prefix: '/',
  isStripped: false,
  host: '',
  meter: 'requests',
  meterHeaders: '',
  headers: [],
  timeout: '60',
  scopes: '',
  cost: '1',
  limits: '',
  publicPaths: '',
  isEnabled: true,
}

export const toRouteForm = (route: GatewayRoute): RouteForm => ({
  slug: route.slug,
  upstream: route.upstream,
  prefix: route.match.path_prefix,
  isStripped: route.strip_prefix,
  host: route.match.host ?? '',
  meter: kindOf(route.meter),
  meterHeaders: writeHeaderNames(route.meter),
  headers: Object.entries(route.add_headers).map(([name, { value, is_secret }]) => ({
    name,
    value: value ?? '',
    isSecret: is_secret,
    isStored: is_secret,
  })),
  timeout: String(route.timeout_ms / 1_000),
  scopes: route.scopes.join('\n'),
  cost: String(route.cost),
  limits: writePairs(route.limits),
  publicPaths: route.public_paths.join('\n'),
  isEnabled: route.is_enabled,
})

const writePairs = (record: object) =>
  Object.entries(record)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')

const readLines = (text: string) => text.split(/\s*\n\s*/).filter((line) => line.trim() !== '')

const readPairs = (text: string) =>
  readLines(text).map((line) => {
    const [name = '', ...rest] = line.split('=')
    return [name.trim(), rest.join('=').trim()] as const
  })

type HeaderNames = Exclude<Meter, string>['from_header']

/** What is none of these is a meter of the operator's own. */
const FIELDS: Readonly<Record<Exclude<keyof HeaderNames, 'quantities'>, true>> = {
  queries: true,
  tokens: true,
  input_tokens: true,
  output_tokens: true,
  cached_tokens: true,
  cache_write_tokens: true,
  audio_input_tokens: true,
  audio_output_tokens: true,
  cost_usd: true,
  provider: true,
  model: true,
}

function writeHeaderNames(meter: Meter): string {
  if (typeof meter === 'string') return ''
  const { quantities = {}, ...names } = meter.from_header
  return writePairs({ ...names, ...quantities })
}

function readHeaderNames(text: string): HeaderNames {
  const pairs = readPairs(text)
  const own = pairs.filter(([name]) => !Object.hasOwn(FIELDS, name))
  return {
    ...Object.fromEntries(pairs.filter(([name]) => Object.hasOwn(FIELDS, name))),
    ...(own.length > 0 && { quantities: Object.fromEntries(own) }),
  }
}

/** @returns what is no number as it is, so that the server names it */
const readNumber = (text: string) => (text.trim() === '' ? Number.NaN : Number(text))

export function toRouteBody(form: RouteForm): CreateGatewayRouteRequest {
  const headers = form.headers.filter(({ name, value, isStored }) => name.trim() !== '' && (value !== '' || !isStored))
  return {
    slug: form.slug.trim(),
    upstream: form.upstream.trim(),
    match: { host: form.host.trim() || null, path_prefix: form.prefix.trim() || '/' },
    strip_prefix: form.isStripped,
    add_headers: Object.fromEntries(
      headers.map(({ name, value, isSecret }) => [name.trim(), { value, is_secret: isSecret }]),
    ),
    timeout_ms: Math.round(readNumber(form.timeout) * 1_000),
    scopes: readLines(form.scopes),
    cost: readNumber(form.cost),
    limits: Object.fromEntries(readPairs(form.limits).map(([name, units]) => [name, readNumber(units)])),
    meter: form.meter === 'from_header' ? { from_header: readHeaderNames(form.meterHeaders) } : form.meter,
    public_paths: readLines(form.publicPaths),
    is_enabled: form.isEnabled,
  }
}

/** What differs from the route as it was when the form was opened. Headers that the form no longer has are taken out. */
export function toRouteChanges(form: RouteForm, before: GatewayRoute): UpdateGatewayRouteRequest {
  const { add_headers: ofHeaders = {}, ...of } = toRouteBody(toRouteForm(before))
  const { add_headers = {}, ...body } = toRouteBody(form)
  const kept = new Set(form.headers.map(({ name }) => name.trim().toLowerCase()))
  const removed = Object.keys(before.add_headers).filter((name) => !kept.has(name))
  const set = Object.entries(add_headers).filter(
    ([name, header]) => JSON.stringify(header) !== JSON.stringify(ofHeaders[name]),
  )
  const headers = Object.fromEntries([...removed.map((name) => [name, null] as const), ...set])
  return { ...differing(of, body), ...(Object.keys(headers).length > 0 && { add_headers: headers }) }
}
