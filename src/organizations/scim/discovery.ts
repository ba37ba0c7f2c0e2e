/** The capabilities of this service provider (RFC 7643 §5 to §7). */
import type { ManagementDeps } from '../../deps.ts'
import { GROUP_SCHEMA } from './groups.ts'
import { CORE_SCHEMA, MAX_RESULTS, SCIM_PATH } from './resource.ts'
import { USER_SCHEMA } from './users.ts'

const toBaseUrl = ({ config }: ManagementDeps) => `${config.PUBLIC_URL}${SCIM_PATH}`

export const serviceProviderConfig = (deps: ManagementDeps) => ({
  schemas: [`${CORE_SCHEMA}:ServiceProviderConfig`],
  documentationUri: `${deps.config.PUBLIC_URL}/docs/guides/organizations.md#directory`,
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: MAX_RESULTS },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: false },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Bearer token',
      description: 'The token of the directory, which an owner of the organization makes.',
      specUri: 'https://www.rfc-editor.org/rfc/rfc6750',
      primary: true,
    },
  ],
  meta: { resourceType: 'ServiceProviderConfig', location: `${toBaseUrl(deps)}/ServiceProviderConfig` },
})

const toResourceType = (deps: ManagementDeps, id: 'User' | 'Group', schema: string) => ({
  schemas: [`${CORE_SCHEMA}:ResourceType`],
  id,
  name: id,
  endpoint: `/${id}s`,
  description: id === 'User' ? 'Somebody of the organization.' : 'Users that may have a role in common.',
  schema,
  meta: { resourceType: 'ResourceType', location: `${toBaseUrl(deps)}/ResourceTypes/${id}` },
})

export const listResourceTypes = (deps: ManagementDeps) => [
  toResourceType(deps, 'User', USER_SCHEMA),
  toResourceType(deps, 'Group', GROUP_SCHEMA),
]

interface Said {
  readonly type?: 'string' | 'boolean' | 'complex' | 'reference'
  readonly required?: boolean
  readonly multiValued?: boolean
  readonly caseExact?: boolean
  readonly mutability?: 'readWrite' | 'readOnly' | 'immutable'
  readonly returned?: 'default' | 'always'
  readonly uniqueness?: 'none' | 'server'
  readonly subAttributes?: readonly object[]
  readonly referenceTypes?: readonly string[]
}

const attribute = (name: string, description: string, more: Said = {}) => ({
  name,
  type: more.subAttributes ? 'complex' : 'string',
  multiValued: false,
  description,
  required: false,
  ...(!more.subAttributes && { caseExact: false, uniqueness: 'none' }),
  mutability: 'readWrite',
  returned: 'default',
  ...more,
})

const READ_ONLY = { mutability: 'readOnly' } as const
const reference = (of: string) =>
  attribute('$ref', `The address of the ${of}.`, {
    type: 'reference',
    caseExact: true,
    referenceTypes: [of],
    ...READ_ONLY,
  })

const USER_SCHEMA_ATTRIBUTES = [
  attribute('userName', 'By which the directory knows the person.', { required: true, uniqueness: 'server' }),
  attribute('displayName', 'The name to show.'),
  attribute('name', 'The parts of the name.', {
    subAttributes: [
      attribute('formatted', 'The whole name.'),
      attribute('familyName', 'The family name.'),
      attribute('givenName', 'The given name.'),
    ],
  }),
  attribute('emails', 'Addresses. The primary one, else the first one, is that of the account.', {
    multiValued: true,
    subAttributes: [
      attribute('value', 'The address.'),
      attribute('type', 'Such as work.'),
      attribute('primary', 'Whether it is the one to use.', { type: 'boolean' }),
    ],
  }),
  attribute('active', 'Whether the person is a member of the organization.', { type: 'boolean' }),
  attribute('groups', 'The groups of the person.', {
    multiValued: true,
    ...READ_ONLY,
    subAttributes: [
      attribute('value', 'The id of the group.', { caseExact: true, ...READ_ONLY }),
      reference('Group'),
      attribute('display', 'The name of the group.', READ_ONLY),
    ],
  }),
]

const GROUP_SCHEMA_ATTRIBUTES = [
  attribute('displayName', 'The name of the group.', { required: true, uniqueness: 'server' }),
  attribute('members', 'The users in it.', {
    multiValued: true,
    subAttributes: [
      attribute('value', 'The id of the user.', { caseExact: true, mutability: 'immutable' }),
      reference('User'),
      attribute('display', 'The userName.', READ_ONLY),
      attribute('type', 'Always User.', READ_ONLY),
    ],
  }),
]

const toSchema = (deps: ManagementDeps, id: string, name: string, attributes: readonly object[]) => ({
  schemas: [`${CORE_SCHEMA}:Schema`],
  id,
  name,
  description: `What is kept of a ${name}.`,
  attributes,
  meta: { resourceType: 'Schema', location: `${toBaseUrl(deps)}/Schemas/${id}` },
})

export const listSchemas = (deps: ManagementDeps) => [
  toSchema(deps, USER_SCHEMA, 'User', USER_SCHEMA_ATTRIBUTES),
  toSchema(deps, GROUP_SCHEMA, 'Group', GROUP_SCHEMA_ATTRIBUTES),
]
