import * as z from 'zod'
import { HEADER_FIELDS } from '../../db/schema/shapes.ts'
import { line, listSchema, timestamp, uuid } from '../../http/fields.ts'
import { recordSchema, text } from '../../http/text-field.ts'

const SLUG = /^[a-z0-9](-?[a-z0-9]){0,39}$/
const HOST = /^([a-z0-9_-]{1,63}\.)*[a-z0-9-]{1,63}(:\d{1,5})?$/
/** Path characters (RFC 3986 §3.3) except `%`, because with it one path could be written in several ways. */
const PATH = /^(\/[\w.~!$&'()+,;=:@-]*)+$/
/** Without `;`, which begins a parameter: servers read such a path in different ways. */
const PUBLIC_PATH = /^(\/[\w.~!$&'()+,=:@-]*)*(\/\*)?$/
/** RFC 9110 §5.1. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,100}$/
/** RFC 9110 §5.5, without the obsolete characters. */
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e\t]{0,7998}[\x21-\x7e])?$/

/** Headers that the gateway controls. */
const OWN_HEADERS =
  /^(host|connection|content-length|transfer-encoding|te|trailer|upgrade|keep-alive|expect|cookie)$|^(proxy|cf|tollgate)-/

const MAX_HEADERS = 20
const few = (record: object) => Object.keys(record).length <= MAX_HEADERS
const tooMany = `must have at most ${MAX_HEADERS}`

const headerName = z
  .string()
  .regex(HEADER_NAME, 'must be the name of a header')
  .refine((name) => !OWN_HEADERS.test(name.toLowerCase()), 'is a header that the gateway sets itself')

const headerValue = z
  .strictObject({
    value: z.string().regex(HEADER_VALUE, 'must be printable ASCII, at most 8,000 characters'),
    is_secret: z
      .boolean()
      .default(false)
      .meta({ description: 'Secrets are stored encrypted, and no response contains them.' }),
  })
  .meta({ id: 'NewGatewayHeader' })

const addHeaders = recordSchema(headerName, headerValue).refine(few, tooMany)

const fromHeader = z
  .strictObject({
    ...(Object.fromEntries(HEADER_FIELDS.map((field) => [field, headerName.optional()])) as Record<
      (typeof HEADER_FIELDS)[number],
      z.ZodOptional<typeof headerName>
    >),
    quantities: recordSchema(z.string().min(1).max(50), headerName)
      .optional()
      .meta({
        description: 'The response headers that contain amounts of your own meters, by slug.',
        example: { images: 'X-Images' },
      }),
  })
  .refine(
    ({ quantities = {}, ...fields }) => [...Object.values(fields), ...Object.values(quantities)].some(Boolean),
    'must name a header',
  )
  .meta({ id: 'GatewayHeaderNames' })

const HeaderMeter = z.strictObject({ from_header: fromHeader }).meta({ id: 'GatewayHeaderMeter' })
const meters = z.union([z.enum(['requests', 'openai', 'anthropic']), HeaderMeter])

/** A union's error says only that nothing matches; this one names the object's invalid fields. */
const meter = (z.preprocess(nameFlaws, meters) as unknown as typeof meters).meta({
  description:
    'How usage is measured. `requests` counts requests. `openai` and `anthropic` reserve an estimate, then read the tokens that the provider reports. `from_header` reads response headers, which are removed from the response to the caller.',
})

function nameFlaws(value: unknown, context: z.RefinementCtx): unknown {
  const issues = typeof value === 'object' ? (HeaderMeter.safeParse(value).error?.issues ?? []) : []
  for (const issue of issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue)
  return value
}

const match = {
  host: z.string().max(253).regex(HOST, 'must be a host name').nullable().meta({
    description: 'Requests to this host also go to the route. It must be one of `GATEWAY_HOSTS`.',
    example: 'api.example.com',
  }),
  path_prefix: z
    .string()
    .max(500)
    .regex(PATH, 'must be a path, such as /v1')
    .transform((path) => path.replace(/\/+$/, '') || '/')
    .meta({ description: 'Only paths below it are forwarded.', type: 'string', example: '/v1' }),
}

const fields = {
  slug: z.string().regex(SLUG, 'must be lower-case letters, digits and hyphens, at most 40').meta({
    description: 'The route is served under `/gw/{slug}/`.',
    example: 'openai',
  }),
  upstream: z.string().max(2_000).meta({
    description:
      'Where requests are sent: a public `https:` URL. The rest of the path, after the matched part, is appended to it.',
    example: 'https://api.openai.com',
  }),
  strip_prefix: z
    .boolean()
    .meta({ description: 'Whether `path_prefix` is removed from the path that is sent upstream.' }),
  timeout_ms: z
    .int()
    .min(100)
    .max(600_000)
    .meta({ description: 'Milliseconds within which the response must begin. A streamed body may take longer.' }),
  scopes: z.array(line(100)).max(50).meta({ description: 'Scopes that the key must have.' }),
  cost: z
    .int()
    .min(0)
    .max(1_000_000)
    .meta({ description: 'Units that a request takes from the rate limit and the quota.' }),
  limits: recordSchema(line(50), z.int().min(0).max(1_000_000)).meta({
    description: 'Units to take from key limits, by name.',
  }),
  meter,
  public_paths: z
    .array(
      z
        .string()
        .min(1)
        .max(500)
        .regex(PUBLIC_PATH, 'must be a path without ;, with /* at its end for all below')
        .meta({ example: '/docs/*' }),
    )
    .max(50)
    .meta({ description: 'Paths below the slug that need no key, such as `/health` or `/docs/*`.' }),
  is_enabled: z.boolean(),
}

const ADD_HEADERS = 'Headers that are added to the request upstream, such as its credential.'

/** Paths, hosts and addresses are checked further against the deployment's settings (actions.ts). */
export const NewGatewayRoute = z
  .strictObject({
    slug: fields.slug,
    match: z
      .strictObject({ host: match.host.default(null), path_prefix: match.path_prefix.default('/') })
      .default({ host: null, path_prefix: '/' }),
    upstream: fields.upstream,
    strip_prefix: fields.strip_prefix.default(false),
    add_headers: addHeaders.default({}).meta({ description: ADD_HEADERS }),
    timeout_ms: fields.timeout_ms.default(60_000),
    scopes: fields.scopes.default([]),
    cost: fields.cost.default(1),
    limits: fields.limits.default({}),
    meter: fields.meter.default('requests'),
    public_paths: fields.public_paths.default([]),
    is_enabled: fields.is_enabled.default(true),
  })
  .meta({
    example: {
      slug: 'openai',
      match: { path_prefix: '/v1' },
      upstream: 'https://api.openai.com',
      add_headers: { authorization: { value: 'Bearer sk-123', is_secret: true } },
      meter: 'openai',
    },
  })

export const GatewayRouteChanges = z
  .strictObject({
    ...z.object(fields).partial().shape,
    match: z.strictObject(match).partial().optional().meta({ description: 'What is absent stays.' }),
    add_headers: recordSchema(headerName, headerValue.nullable())
      .refine(few, tooMany)
      .optional()
      .meta({ description: 'Absent headers stay unchanged; null removes a header.' }),
  })
  .meta({
    example: { add_headers: { authorization: { value: 'Bearer sk-123', is_secret: true } }, timeout_ms: 120_000 },
  })

const header = z
  .object({
    value: z.string().nullable().meta({ description: 'Null for a secret.' }),
    is_secret: z.boolean(),
  })
  .meta({ id: 'GatewayHeader' })

export const GatewayRoute = z
  .object({
    id: uuid,
    ...fields,
    match: z.object({ host: z.string().nullable(), path_prefix: z.string() }),
    add_headers: z.record(z.string(), header),
    url: z.string().meta({
      description: 'The address at which callers reach it.',
      example: 'https://tollgate.example.com/gw/openai/v1',
    }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'GatewayRoute' })

export const GatewayRouteList = listSchema(GatewayRoute)

export const GatewayRouteParams = z.strictObject({ id: text(200) })
