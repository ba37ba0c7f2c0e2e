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
  description: `For the operator's own services, whose APIs signed-in users call: returns the user of an access token, with current data. Accepts
tokens of this deployment and of its trusted issuers. Always returns 200 with a verdict. With a \`permission\`, the token is valid only
if the user has it in the organization.`,
  body: TokenInput,
  returns: { 200: TokenVerdictBody },
  fails: ['organization_mismatch'],
})

export const tokenRoutes = newRouter().openapi(verifyRoute, async (c) =>
  c.json(await verifyToken(c.var.deps, c.req.valid('json'), c.var.requestId), 200),
)
