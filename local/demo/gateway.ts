import type { Client } from './client.ts'

const SLUG = 'model'

/** Creates a gateway route to the language model of the local stack, if there is none yet. */
export async function ensureGatewayRoute(admin: Client, localUrl: string): Promise<void> {
  const { data } = await admin.call<{ data: readonly { slug: string }[] }>('GET', '/admin/routes')
  if (data.some(({ slug }) => slug === SLUG)) return
  await admin.call('POST', '/admin/routes', {
    slug: SLUG,
    upstream: `${localUrl}/model/openai`,
    meter: 'openai',
    add_headers: { Authorization: { value: 'Bearer sk-local', is_secret: true } },
  })
}
