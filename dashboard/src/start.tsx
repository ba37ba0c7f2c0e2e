import { CSPProvider } from '@base-ui/react/csp-provider'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { isTemporary } from './api/hooks.ts'
import { portal } from './api/portal.ts'
import { onOtherTab } from './api/session.ts'
import { applyBranding } from './lib/brand.ts'
import { router } from './router.tsx'
import { Toasts, toast } from './ui/toast.tsx'

/** How long an answer counts as fresh. */
const FRESH_MS = 10_000

/** Shows the screens for people who are signed in, or came by a portal link. */
export function start(root: Element): void {
  const client = new QueryClient({
    defaultOptions: {
      queries: { staleTime: FRESH_MS, retry: (tries, error) => tries < 2 && isTemporary(error) },
    },
  })
  const access = portal()
  if (access) applyBranding(access.branding)
  onOtherTab((change) => {
    if (access) return // other tabs have other sessions
    if (change === 'signed-out') return location.assign('/dashboard/sign-in')
    void router.navigate({ to: '/' })
    void client.resetQueries()
    toast(
      change === 'user' ? 'Another user is signed in' : 'You are in another organization',
      'It was changed in another tab.',
    )
  })
  createRoot(root).render(
    <StrictMode>
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={client}>
          <Toasts>
            <RouterProvider router={router} />
          </Toasts>
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  )
}
