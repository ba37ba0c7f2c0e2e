/** An operator's Worker that verifies the key of each request over a service binding to Tollgate. */
import { Hono } from 'hono'

interface Tollgate {
  verifyKey(input: { key: string; cost?: number }): Promise<{ valid: boolean; code: string }>
}

const app = new Hono<{ Bindings: { TOLLGATE: Tollgate } }>()

app.post('/', async (c) => {
  const { key } = await c.req.json<{ key: string }>()
  const verdict = await c.env.TOLLGATE.verifyKey({ key })
  return c.json(verdict)
})

export default app
