import type { OpenApiDocument } from '../api/openapi.ts'
import { mayEver } from '../auth/may-ever.ts'
import type { Principal } from '../auth/principal.ts'
import type { JsonSchema, Operation } from './operations.ts'
import { readOperations } from './operations.ts'

/** In the order in which a model sees them: a customer's most common questions first, then the operator's. */
const READS = [
  'listQuotas',
  'getUsageSummary',
  'getUsageTimeseries',
  'getUsageBreakdown',
  'getUsageOfKeys',
  'getUsageOfSubjects',
  'listUsageEvents',
  'forecastUsage',
  'listModelPrices',
  'listApiKeys',
  'getApiKey',
  'getApiKeyLimits',
  'getBillingInfo',
  'getCredits',
  'listCreditLedger',
  'getSpendCap',
  'listPublicPlans',
  'listWebhookEndpoints',
  'listWebhookDeliveries',
  'listAuditLogs',
  'getProfile',
  'getOrganization',
  'listMembers',
  'getOverview',
  'getSystem',
  'listAllOrganizations',
  'getCustomer',
  'getCustomerSignIn',
  'listUsers',
  'getUser',
  'listAllApiKeys',
  'listPlans',
  'listSubscriptions',
  'inspectRequest',
  'getPlatformUsageSummary',
  'getPlatformUsageTimeseries',
  'getPlatformUsageBreakdown',
  'listAllAuditLogs',
] as const

/** The changes that an agent may make, and the guards beyond the caller's permissions. None of them can spend money or grant a person access. */
const WRITES = {
  issueApiKey: {},
  updateApiKey: { confirms: 'getApiKey' },
  revokeApiKey: { confirms: 'getApiKey', isDestructive: true },
  resendWebhookDelivery: {},
  sendTestWebhook: {},
} as const satisfies Readonly<Record<string, Guards>>

interface Guards {
  /** The operation that reads the object to be changed: the agent must repeat its name, so that a wrong id changes nothing. */
  readonly confirms?: (typeof READS)[number]
  readonly isDestructive?: boolean
}

/** The argument in which an agent names the object to be changed. */
export const CONFIRMATION = 'confirm_name'
const CONFIRMATION_SCHEMA = {
  type: 'string',
  description:
    'The present name of what is changed, as it is shown when it is read. With another name nothing happens.',
}

/** The parameters that name an organization in a query; a caller with only one needs neither. */
const NAMING = ['organization_id', 'external_id']

export interface Tool {
  readonly name: string
  readonly operation: Operation
  readonly isWrite: boolean
  readonly isDestructive: boolean
  /** The operation that reads the object to be changed. */
  readonly confirms: Operation | undefined
}

const toolCache = new WeakMap<OpenApiDocument, readonly Tool[]>()

/** All tools, made once per document. */
export function allTools(document: OpenApiDocument): readonly Tool[] {
  const known = toolCache.get(document) ?? makeTools(document)
  toolCache.set(document, known)
  return known
}

function makeTools(document: OpenApiDocument): Tool[] {
  const operations = readOperations(document)
  const make = (id: string, guards?: Guards): Tool => ({
    name: id.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    operation: requireOperation(operations, id),
    isWrite: guards !== undefined,
    isDestructive: guards?.isDestructive === true,
    confirms: guards?.confirms && requireOperation(operations, guards.confirms),
  })
  return [...READS.map((id) => make(id)), ...Object.entries(WRITES).map(([id, guards]) => make(id, guards))]
}

function requireOperation(operations: ReadonlyMap<string, Operation>, id: string): Operation {
  const operation = operations.get(id)
  if (!operation) throw new Error(`There is no operation ${id}`)
  return operation
}

/** The tools of a caller. The API itself authorizes each call; this only hides tools that cannot succeed. */
export const toolsFor = (
  document: OpenApiDocument,
  principal: Principal,
  { readOnly }: { readonly readOnly: boolean },
) =>
  allTools(document).filter(
    ({ operation, isWrite }) => !(readOnly && isWrite) && mayEver(principal, operation.allow, operation.service),
  )

/** A tool as it is described to a client (MCP 2025-11-25, Tools). */
export function describeTool({ name, operation, isWrite, isDestructive, confirms }: Tool, { kind }: Principal) {
  const hidden = kind === 'user' || kind === 'service' ? [] : NAMING
  const shown = [...operation.args].filter(([key, { in: where }]) => where !== 'query' || !hidden.includes(key))
  const properties: Record<string, JsonSchema> = Object.fromEntries(shown.map(([key, { schema }]) => [key, schema]))
  const required = shown.flatMap(([key, { isRequired }]) => (isRequired ? [key] : []))
  return {
    name,
    description: `${operation.summary}. ${operation.description ?? ''}`.trim(),
    inputSchema: {
      type: 'object' as const,
      properties: confirms ? { ...properties, [CONFIRMATION]: CONFIRMATION_SCHEMA } : properties,
      required: confirms ? [...required, CONFIRMATION] : required,
      additionalProperties: false,
    },
    annotations: {
      readOnlyHint: !isWrite,
      openWorldHint: false,
      ...(isWrite && { destructiveHint: isDestructive }),
    },
  }
}
