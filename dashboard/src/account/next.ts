import { call } from '../api/client.ts'
import { forgetPortalTab } from '../api/portal.ts'

/**
 * Goes to the screen that the person wanted before signing in; without one, administrators go to their own half. Only
 * screens of the dashboard count, so that no link leads elsewhere after a sign-in (OWASP, unvalidated redirects).
 */
export async function continueToScreen(): Promise<void> {
  const next = new URLSearchParams(location.search).get('next') ?? ''
  forgetPortalTab()
  const isScreen = /^\/(?![/\\])/.test(next)
  location.assign(`/dashboard${isScreen ? next : await firstScreen()}`)
}

async function firstScreen(): Promise<string> {
  const user = await call('GET /auth/me').catch(() => undefined) // the screens say what is wrong
  return user?.is_administrator ? '/operator' : ''
}

/** Keeps the wanted screen in links between the screens for signing in. */
export const withNext = (path: string): string => `/dashboard/${path}${location.search}`
