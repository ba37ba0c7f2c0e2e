/** One protected route. `npm run dev` in the root of the repository is the Tollgate beside it. */
import { Tollgate } from 'tollgate'
import { requireKey } from 'tollgate/next'

const { TOLLGATE_URL: baseUrl = 'http://localhost:8000', TOLLGATE_SERVICE_KEY: serviceKey = '' } = process.env
const tollgate = new Tollgate({ baseUrl, serviceKey })

interface Context {
  params: Promise<{ id: string }>
}

export const GET = requireKey<Context>(tollgate, {}, async (_request, { params, key }) => {
  key.use({ queries: 1 })
  return Response.json({ id: (await params).id, organization: key.verdict.organization_id })
})
