import { afterEach, expect, test, vi } from 'vitest'
import { resumePortal, showPortalEnd } from '../../../dashboard/src/api/portal.ts'

afterEach(() => vi.unstubAllGlobals())

test('a tab whose portal session has ended resumes no session of another organization', async () => {
  const kept = new Map<string, string>()
  vi.stubGlobal('sessionStorage', {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  })
  const assign = vi.fn<(path: string) => void>()
  vi.stubGlobal('location', { assign })
  const send = vi.fn<(path: string) => Promise<Response>>()
  vi.stubGlobal('fetch', send)
  send.mockResolvedValueOnce(Response.json({ access_token: 'x', organization_id: 'org-a', expires_in: 60 }))
  expect(await resumePortal()).toBe(true)
  showPortalEnd()
  expect(assign).toHaveBeenCalledWith('/dashboard/portal#over')
  send.mockResolvedValueOnce(new Response(null, { status: 401 }))
  expect(await resumePortal()).toBe(false) // as a reload does
  expect(send.mock.lastCall?.[0]).toContain('tab_organization_id=org-a')
})
