/** The least that a Worker with Hono can do: what every other figure is compared with. */
import { Hono } from 'hono'

const app = new Hono()

app.get('/', (c) => c.text('ok'))
/** The least that an endpoint which takes and gives JSON can do. */
app.post('/json', async (c) => c.json(await c.req.json()))

export default app
