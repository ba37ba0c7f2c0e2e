/**
 * The entry. People who are not signed in get only the small part for signing in; everything else is loaded after it.
 */
import './styles.css'
import { isPortalTab, resumePortal } from './api/portal.ts'
import { accessToken } from './api/session.ts'

const ACCOUNT_PATHS = new Set(['sign-in', 'sign-up', 'forgot-password', 'portal'])

async function start(): Promise<void> {
  const root = document.querySelector('#root')
  if (!root) return
  const [, , first = ''] = location.pathname.split('/')
  if (ACCOUNT_PATHS.has(first)) return (await import('./account/start.tsx')).start(root)
  if (await isIn()) return (await import('./start.tsx')).start(root)
  if (isPortalTab()) return location.replace('/dashboard/portal')
  const next = `${location.pathname.replace('/dashboard', '')}${location.search}`
  location.replace(`/dashboard/sign-in${next.length > 1 ? `?next=${encodeURIComponent(next)}` : ''}`)
}

/** Whether somebody is signed in, or came by a portal link. Without an answer the screens say what is wrong. */
async function isIn(): Promise<boolean> {
  try {
    if (isPortalTab()) return await resumePortal()
    return (await accessToken()) !== undefined || (await resumePortal())
  } catch {
    return true
  }
}

/** How long after a reload another one would only repeat the failure. */
const RELOAD_MS = 60_000

/**
 * A file that is gone belongs to an older version of the page: the present one is loaded, once. Nothing is lost by that, since
 * nothing is shown yet. Screens that are opened later do the same (`lazyRouteComponent`); a link that is only touched must not.
 */
function failToStart(): void {
  if (navigator.onLine && isFirstFailure()) return location.reload()
  const message = document.createElement('p')
  message.role = 'alert'
  message.textContent = 'The dashboard could not be loaded. Check your connection and reload the page.'
  document.querySelector('#root')?.replaceChildren(message)
}

function isFirstFailure(): boolean {
  try {
    const isFirst = Date.now() - Number(sessionStorage.getItem('reloaded')) > RELOAD_MS
    sessionStorage.setItem('reloaded', String(Date.now()))
    return isFirst
  } catch {
    return false // storage is blocked: the page would reload for ever
  }
}

if (__DEVELOPMENT__) void import('./reload.ts').then(({ reloadAfterBuilds }) => reloadAfterBuilds())
void start().catch(failToStart)
