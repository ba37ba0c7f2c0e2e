/** Makes the gateway's route to the model, as administrator. If the route exists, it stays as it is. */
import { ADMIN, MODEL_KEY, MODEL_URL, SLUG, TOLLGATE_URL } from './settings.ts'

const login = await post('/auth/login', ADMIN)
if (!login.ok) throw new Error(`The administrator cannot sign in: ${await login.text()}`)
const { access_token } = (await login.json()) as { access_token: string }

const route = {
  slug: SLUG,
  upstream: MODEL_URL,
  meter: 'openai',
  add_headers: { Authorization: { value: `Bearer ${MODEL_KEY}`, is_secret: true } },
}
const made = await post('/admin/routes', route, { Authorization: `Bearer ${access_token}` })
const answer = (await made.json()) as { code?: string }
if (!made.ok && answer.code !== 'route_slug_taken') throw new Error(JSON.stringify(answer))
console.log(`${TOLLGATE_URL}/gw/${SLUG} leads to the model.`)

function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${TOLLGATE_URL}/api/v1${path}`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}
