import * as z from 'zod'
import { stepUpFields } from '../../accounts/two-factor/schemas.ts'
import { isPlatformScope, PLATFORM_SCOPES } from '../../auth/service-scopes.ts'
import { pageQuery } from '../../http/fields.ts'
import { KeyUpdate, Rotation } from '../../keys/lifecycle-schemas.ts'
import { NewKey } from '../../keys/schemas.ts'
import { KEY_STATES } from '../../keys/state.ts'

const SCOPE_TABLE = Object.entries(PLATFORM_SCOPES).map(([scope, what]) => `\`${scope}\`: ${what}`)

const scopes = z
  .array(
    z.string().refine(isPlatformScope, {
      error: ({ input }) => `is not a service key scope: ${JSON.stringify(input)}; see the list in the documentation`,
    }),
  )
  .min(1)
  .max(50)
  .meta({
    description: `What the back end may do. \`platform:*\` allows everything, \`platform:keys:*\` every scope that begins with \`platform:keys:\`. ${SCOPE_TABLE.join(' ')}`,
    example: ['platform:verify', 'platform:organizations:*', 'platform:keys:*'],
  })

const { name, description, expires_at, allowed_ips, metadata } = NewKey.shape

const proof = stepUpFields('Your own password. Required if your sign-in is older than 15 minutes.')

export const NewServiceKey = z
  .strictObject({ name, description, scopes, expires_at, allowed_ips, metadata, ...proof })
  .meta({ id: 'NewServiceKey' })

const changes = KeyUpdate.shape

export const ServiceKeyChange = z
  .strictObject({
    name: changes.name,
    description: changes.description,
    scopes: scopes.optional(),
    expires_at: changes.expires_at,
    allowed_ips: changes.allowed_ips,
    metadata: changes.metadata,
    is_active: changes.is_active,
    ...proof,
  })
  .meta({ id: 'ServiceKeyChange' })

export const ServiceKeyRotation = Rotation.extend(proof)

export const ServiceKeyQuery = pageQuery.extend({ status: z.enum(KEY_STATES).optional() })
