/** The minimal gateway: it passes each request on to one upstream. */
import { Hono } from 'hono'

const app = new Hono<{ Bindings: { UPSTREAM: string } }>()

app.all('*', (c) => fetch(c.env.UPSTREAM + c.req.path, c.req.raw))

export default app
