/**
 * Goes to the screen that the person wanted before signing in. Only screens of the dashboard count, so that no link
 * leads elsewhere after a sign-in (OWASP, unvalidated redirects).
 */
export function continueToScreen(): void {
  const next = new URLSearchParams(location.search).get('next') ?? '/'
  const isScreen = /^\/(?![/\\])/.test(next)
  location.assign(`/dashboard${isScreen && next !== '/' ? next : ''}`)
}

/** Keeps the wanted screen in links between the screens for signing in. */
export const withNext = (path: string): string => `/dashboard/${path}${location.search}`
