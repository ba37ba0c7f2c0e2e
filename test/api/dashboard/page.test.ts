import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test'
import { describe, expect, test } from 'vitest'
import worker from '../../../src/index.ts'

/** Files as Cloudflare's assets would serve them. */
const files = (found: Readonly<Record<string, string>>) => ({
  fetch: async ({ url }: Request) => {
    const text = found[new URL(url).pathname]
    return new Response(text ?? null, { status: text === undefined ? 404 : 200 })
  },
})

async function get(path: string, ASSETS?: ReturnType<typeof files>) {
  const context = createExecutionContext()
  const request = new Request(`https://tollgate.test${path}`)
  const answer = await worker.fetch(request, { ...env, ASSETS }, context)
  await waitOnExecutionContext(context)
  return answer
}

const BUILT = files({ '/dashboard/index.html': '<!doctype html><title>Tollgate</title>' })

describe('GET /dashboard', () => {
  test.each(['/dashboard', '/dashboard/', '/dashboard/keys/01a2', '/dashboard/sign-in?next=%2Fkeys'])(
    '%s is the page, under a policy that runs no script but its own',
    async (path) => {
      const answer = await get(path, BUILT)
      expect(await answer.text()).toContain('<title>Tollgate</title>')
      const policy = answer.headers.get('Content-Security-Policy') ?? ''
      expect(policy.split('; ')).toEqual(
        expect.arrayContaining([
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "frame-ancestors 'none'",
        ]),
      )
      expect(policy).not.toMatch(/unsafe|\*/)
      expect(answer.headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin')
      expect(answer.headers.get('Cache-Control')).toBe('no-store')
    },
  )

  test('a file that an older page requests is not found, so that no page runs as a script', async () => {
    expect((await get('/dashboard/assets/start-old.js', BUILT)).status).toBe(404)
  })

  test('a deployment without the dashboard has none, and points people to the documentation', async () => {
    expect((await get('/dashboard')).status).toBe(404)
    expect((await get('/')).headers.get('Location')).toBe('/docs')
    expect((await get('/', BUILT)).headers.get('Location')).toBe('/dashboard')
  })

  test('a dashboard that is not built says so', async () => {
    const answer = await get('/dashboard', files({}))
    expect([answer.status, (await answer.json<{ detail: string }>()).detail]).toEqual([
      404,
      expect.stringContaining('npm run build'),
    ])
  })
})
