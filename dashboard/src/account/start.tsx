import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ForgotPassword } from './forgot-password.tsx'
import { enterPortal, Portal, takePortalToken } from './portal.tsx'
import { SignIn } from './sign-in.tsx'
import { SignUp } from './sign-up.tsx'

const SCREENS = {
  'sign-in': SignIn,
  'sign-up': SignUp,
  'forgot-password': ForgotPassword,
} as const

/** Shows the screen of the address. These screens have no router and no cache, so that the first page is small. */
export function start(root: Element): void {
  const [, , first = 'sign-in'] = location.pathname.split('/')
  const Screen = SCREENS[first as keyof typeof SCREENS] ?? SignIn
  const entering = first === 'portal' ? enterPortal(takePortalToken()) : undefined
  createRoot(root).render(<StrictMode>{entering ? <Portal entering={entering} /> : <Screen />}</StrictMode>)
}
