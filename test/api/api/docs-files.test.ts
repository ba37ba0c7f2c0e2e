import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test'
import { expect, test } from 'vitest'
import worker from '../../../src/index.ts'
import { openApi } from '../../support/openapi.ts'

const FILES: Readonly<Record<string, string>> = { '/docs/guides/limits.md': '# Limits', '/llms.txt': '# Tollgate' }

const ASSETS = {
  fetch: async ({ url }: Request) => {
    const text = FILES[new URL(url).pathname]
    return new Response(text ?? null, { status: text === undefined ? 404 : 200 })
  },
}

async function get(path: string, bound: object = { ASSETS }) {
  const context = createExecutionContext()
  const answer = await worker.fetch(new Request(`https://tollgate.test${path}`), { ...env, ...bound }, context)
  await waitOnExecutionContext(context)
  return answer
}

test.each([
  ['/docs/guides/limits.md', 'text/markdown; charset=utf-8', '# Limits'],
  ['/llms.txt', 'text/plain; charset=utf-8', '# Tollgate'],
])('%s is served as %s', async (path, type, text) => {
  const answer = await get(path)
  expect([answer.status, answer.headers.get('Content-Type'), await answer.text()]).toEqual([200, type, text])
})

test('a page address without .md redirects to it, and an unknown one is not found', async () => {
  const answer = await get('/docs/guides/limits')
  expect([answer.status, answer.headers.get('Location')]).toEqual([302, '/docs/guides/limits.md'])
  expect((await get('/docs/guides/nothing')).status).toBe(404)
  expect((await get('/docs/guides/limits.md', { ASSETS: undefined })).status).toBe(404)
})

test('/docs.md has every operation of the API, with its problems and an example of its body', async () => {
  const answer = await get('/docs.md')
  const text = await answer.text()
  const { operations } = await openApi()

  expect(answer.headers.get('Content-Type')).toBe('text/markdown; charset=utf-8')
  for (const { line } of operations) expect(text).toContain(`\`${line}\`, for: `)
  expect(text).toContain('`rate_limited` (429)')
  expect(text).not.toContain('undefined')
})
