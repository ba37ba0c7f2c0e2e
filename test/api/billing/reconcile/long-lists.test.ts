import { afterEach, expect, test, vi } from 'vitest'
import { reconcileBilling } from '../../../../src/billing/reconcile/job.ts'
import { directly } from '../../../support/direct.ts'
import { urlOf } from '../../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

test.each([
  ['subscriptions', /\/polar\/v1\/subscriptions\/\?/],
  ['payments', /\/polar\/v1\/orders\/\?/],
])(
  'a list of %s that is too long for one run is logged, continued by the next run, and then read from the start',
  async (list, path) => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const real = globalThis.fetch
    let pages: number[] = []
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (!/\/(polar|stripe)\/v1\/(subscriptions|orders|checkout\/sessions)/.test(urlOf(input)))
        return real(input, init)
      if (urlOf(input).includes('/stripe/')) return Response.json({ data: [], has_more: false })
      if (!path.test(urlOf(input))) return Response.json({ items: [], pagination: { max_page: 1 } })
      pages.push(Number(new URL(urlOf(input)).searchParams.get('page')))
      return Response.json({ items: [], pagination: { max_page: 202 } })
    })
    async function run() {
      pages = []
      warned.mockClear()
      await reconcileBilling(directly())
      const lines = warned.mock.calls.map(([line]) => JSON.parse(String(line)))
      return {
        pages: [pages[0], pages.at(-1)],
        told: lines.filter(({ event }) => event === 'billing_not_compared_whole'),
      }
    }
    const told = [{ provider: 'polar', list, pages: 200 }]
    expect(await run()).toMatchObject({ pages: [1, 200], told })
    expect(await run()).toMatchObject({ pages: [201, 202], told: [] })
    expect((await run()).pages).toEqual([1, 200])
    expect((await run()).pages).toEqual([201, 202]) // leaves no position for other tests
  },
)
