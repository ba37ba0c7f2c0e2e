import { apiRoute, newRouter } from '../../api/api-route.ts'
import { TokenInput, verifyToken } from '../../auth/verify-token.ts'
import { TokenVerdictBody } from './schemas.ts'

const verifyRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:verify',
  method: 'post',
  path: '/tokens/verify',
  operationId: 'verifyToken',
  tag: 'Verification',
  summary: 'Verify an access token',
  description: `For the operator's own services, whose API signed-in users call: whose token this is, as of now. Tokens of this
deployment and of its trusted issuers are taken. Always 200 with a verdict; with a \`permission\` it is valid only for who has it
in the organization.`,
  body: TokenInput,
  returns: { 200: TokenVerdictBody },
  fails: ['organization_mismatch'],
})

export const tokenRoutes = newRouter().openapi(verifyRoute, async (c) =>
  c.json(await verifyToken(c.var.deps, c.req.valid('json'), c.var.requestId), 200),
)
