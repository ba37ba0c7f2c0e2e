import type { Client } from './client.ts'

/** A meter of the operator's own, as one defines it whose customers send documents. */
const PAGES = { slug: 'pages', name: 'Pages', unit: 'pages', kind: 'counter' } as const

/** Defines it, if there is none yet. */
export async function ensureMeter(admin: Client): Promise<void> {
  const { data } = await admin.call<{ data: readonly { slug: string }[] }>('GET', '/admin/meters')
  if (data.some(({ slug }) => slug === PAGES.slug)) return
  await admin.call('POST', '/admin/meters', PAGES)
}
