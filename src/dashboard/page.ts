import type { Context } from 'hono'
import { newRouter } from '../api/api-route.ts'
import type { ManagementEnv } from '../auth/env.ts'
import { Problem } from '../problems.ts'
import { dashboardPolicy } from './policy.ts'

/** Every address below /dashboard is the same page; its script shows the screen. Files have addresses of their own. */
export const dashboardPage = newRouter()
dashboardPage.get('/', (c) => answerPage(c))
dashboardPage.get('/*', (c) => answerPage(c))

async function answerPage(c: Context<ManagementEnv>): Promise<Response> {
  const { assets } = c.env
  if (!assets || c.req.path.startsWith('/dashboard/assets/')) throw new Problem('not_found')
  const page = await assets.fetch(new Request(new URL('/dashboard/index.html', c.req.url)))
  if (!page.ok) throw new Problem('not_found', { detail: 'The dashboard is not built: run `npm run build`.' })
  return new Response(page.body, {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': dashboardPolicy(c.var.deps.config),
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=()',
    },
  })
}
