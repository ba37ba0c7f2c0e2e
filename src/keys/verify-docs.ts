import { apiRoute, newRouter } from '../api/api-route.ts'
import { VerifyInput } from '../verification/input.ts'
import { VerdictBody } from './schemas.ts'

const { middleware: _, ...verifyRoute } = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/keys/verify',
  tag: 'Verification',
  operationId: 'verifyKey',
  summary: 'Verify an API key',
  description: `For the operator's own services: the bearer token is a service key with the scope \`platform:verify\`.

Always returns 200 with a verdict. Its \`code\` is the first reason that applies. A valid verdict has taken \`cost\` units
from the key's rate limit and from its organization's quota; any other verdict has taken nothing.`,
  body: VerifyInput,
  returns: { 200: VerdictBody },
  fails: ['unauthenticated', 'forbidden', 'ambiguous_credentials'],
})

/** Documents a route that is served before all others (verification/route.ts). */
export const verifyDocs = newRouter()
verifyDocs.openAPIRegistry.registerPath({ ...verifyRoute, security: [{ bearer: [] }, { apiKey: [] }] })
