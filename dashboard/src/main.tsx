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

/** A file that is gone belongs to an older version of the page: the present one is loaded, once. */
addEventListener('vite:preloadError', () => {
  if (sessionStorage.getItem('reloaded') === location.pathname) return
  sessionStorage.setItem('reloaded', location.pathname)
  location.reload()
})

if (__DEVELOPMENT__) void import('./reload.ts').then(({ reloadAfterBuilds }) => reloadAfterBuilds())
void start()
