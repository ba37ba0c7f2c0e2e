/**
 * The entry. People who are not signed in get only the small part for signing in; everything else is loaded after it.
 */
import './styles.css'
import { accessToken } from './api/session.ts'

const ACCOUNT_PATHS = new Set(['sign-in', 'sign-up', 'forgot-password', 'portal'])

async function start(): Promise<void> {
  const root = document.querySelector('#root')
  if (!root) return
  const [, , first = ''] = location.pathname.split('/')
  if (ACCOUNT_PATHS.has(first)) return (await import('./account/start.tsx')).start(root)
  const token = await accessToken().catch(() => 'unknown') // without an answer the screens say what is wrong
  if (token === undefined) {
    const next = `${location.pathname.replace('/dashboard', '')}${location.search}`
    location.replace(`/dashboard/sign-in${next.length > 1 ? `?next=${encodeURIComponent(next)}` : ''}`)
    return
  }
  return (await import('./start.tsx')).start(root)
}

/** A file that is gone belongs to an older version of the page: the present one is loaded, once. */
addEventListener('vite:preloadError', () => {
  if (sessionStorage.getItem('reloaded') === location.pathname) return
  sessionStorage.setItem('reloaded', location.pathname)
  location.reload()
})

if (__DEVELOPMENT__) void import('./reload.ts').then(({ reloadAfterBuilds }) => reloadAfterBuilds())
void start()
