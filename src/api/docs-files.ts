import type { Context } from 'hono'
import type { ManagementEnv } from '../auth/env.ts'
import { Problem } from '../problems.ts'

/**
 * A page of the documentation as Markdown, or the index of all of them (local/build/docs.ts). A path without `.md`
 * redirects to the one with it.
 *
 * @throws Problem `not_found`
 */
export async function docsFile(c: Context<ManagementEnv>): Promise<Response> {
  const { path } = c.req
  const isPage = path.startsWith('/docs/')
  const name = isPage && !path.endsWith('.md') ? `${path}.md` : path
  const file = await c.env.assets?.fetch(new Request(new URL(name, c.req.url)))
  if (!file?.ok) throw new Problem('not_found')
  if (name !== path) return c.redirect(name)
  return new Response(file.body, {
    headers: { 'Content-Type': `text/${isPage ? 'markdown' : 'plain'}; charset=utf-8` },
  })
}
