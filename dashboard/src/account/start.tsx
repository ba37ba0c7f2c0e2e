import { type ReactNode, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { arrive } from './arrive.ts'
import { ForgotPassword } from './forgot-password.tsx'
import { Portal, takePortalLink } from './portal.tsx'
import { SignIn } from './sign-in.tsx'
import { SignUp } from './sign-up.tsx'

/** Shows the screen of the address. These screens have no router and no cache, so that the first page is small. */
export function start(root: Element): void {
  const [, , first = 'sign-in'] = location.pathname.split('/')
  createRoot(root).render(<StrictMode>{screenOf(first)}</StrictMode>)
}

/** What an address brings is taken out of it here, not in an effect, which may run twice. */
function screenOf(path: string): ReactNode {
  if (path === 'portal') {
    const enter = takePortalLink()
    return <Portal enter={enter} first={enter()} />
  }
  if (path === 'sign-up') return <SignUp />
  if (path === 'forgot-password') return <ForgotPassword />
  return <SignIn arrival={arrive()} />
}
