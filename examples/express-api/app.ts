/** An API with one protected route. `npm run dev` in the root of the repository is the Tollgate beside it. */
import express from 'express'
import { Tollgate } from 'tollgate'
import { getKeyContext, requireKey } from 'tollgate/express'

const {
  TOLLGATE_URL: baseUrl = 'http://localhost:8000',
  TOLLGATE_SERVICE_KEY: serviceKey = '',
  PORT = '8010',
} = process.env
const tollgate = new Tollgate({ baseUrl, serviceKey })
const app = express()

app.get('/v1/orders/:id', requireKey(tollgate), (req, res) => {
  const { use, verdict } = getKeyContext(req)
  use({ queries: 1 })
  res.json({ id: req.params.id, organization: verdict.organization_id })
})

const server = app.listen(Number(PORT), () => console.log(`The API is at http://localhost:${PORT}`))
process.once('SIGTERM', () => server.close(() => tollgate.usage.flush()))
