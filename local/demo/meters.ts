import type { Client } from './client.ts'

/** An operator's own meter, as an operator whose customers send documents would define it. */
const PAGES = { slug: 'pages', name: 'Pages', unit: 'pages', kind: 'counter' } as const

/** Creates the meter, if it does not exist yet. */
export async function ensureMeter(admin: Client): Promise<void> {
  const { data } = await admin.call<{ data: readonly { slug: string }[] }>('GET', '/admin/meters')
  if (data.some(({ slug }) => slug === PAGES.slug)) return
  await admin.call('POST', '/admin/meters', PAGES)
}
