/** The secret of the page that begins a sign-in: without it, a code is of no use (RFC 7636). */
const KEY = 'tollgate-sign-in'

const toBase64Url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

export async function newVerifier(): Promise<{ readonly verifier: string; readonly challenge: string }> {
  const verifier = toBase64Url(crypto.getRandomValues(new Uint8Array(32)))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return { verifier, challenge: toBase64Url(new Uint8Array(digest)) }
}

/** Keeps it while the browser is at another page; of a link in an email, also for the tab that the link opens. */
export function keepVerifier(verifier: string, { forOtherTabs = false } = {}): void {
  ;(forOtherTabs ? localStorage : sessionStorage).setItem(KEY, verifier)
}

/** Takes it out, so that it is used once. */
export function takeVerifier(): string | null {
  const verifier = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY)
  sessionStorage.removeItem(KEY)
  localStorage.removeItem(KEY)
  return verifier
}
