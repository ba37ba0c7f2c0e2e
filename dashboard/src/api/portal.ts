import { postToSession } from './browser-session.ts'
import { readProblem } from './problem.ts'
import type { PortalAccess } from './types.ts'

/**
 * The portal session of a customer who came by a link. Its token is in a cookie that no script can read, and in memory. A
 * tab remembers whose portal it shows: a user who is signed in elsewhere in this browser is not disturbed, and a link to
 * another organization, opened in another tab, does not turn this one into that organization's.
 */
let access: PortalAccess | undefined
let expiresAt = 0

const TAB = 'portal'

/** Undefined outside of the portal. */
export const portal = (): PortalAccess | undefined => access

/** @returns undefined once the session has expired */
export const portalToken = (): string | undefined => (expiresAt > Date.now() ? access?.access_token : undefined)

/** Whether this tab shows the portal, whoever is signed in. */
export const isPortalTab = (): boolean => shownOrganization() !== null

function shownOrganization(): string | null {
  try {
    return sessionStorage.getItem(TAB)
  } catch {
    return null // storage is blocked
  }
}

const ofTab = () => {
  const organizationId = shownOrganization()
  return organizationId === null ? '' : `?${new URLSearchParams({ tab_organization_id: organizationId })}`
}

export function forgetPortalTab(): void {
  try {
    sessionStorage.removeItem(TAB)
  } catch {
    // storage is blocked: nothing was kept
  }
}

async function keep(answer: Response): Promise<void> {
  access = (await answer.json()) as PortalAccess
  expiresAt = Date.now() + access.expires_in * 1_000
  try {
    sessionStorage.setItem(TAB, access.organization_id)
  } catch {
    // storage is blocked: the tab shows the portal while nobody is signed in
  }
}

/**
 * Exchanges the token of a link, once.
 *
 * @param verifier lets the server repeat its answer, where the first was lost
 * @throws ApiError
 */
export async function redeemPortalLink(token: string, verifier: string): Promise<void> {
  const answer = await postToSession('portal/redeem', { token, verifier })
  if (!answer.ok) throw await readProblem(answer)
  await keep(answer)
}

/** @returns whether this browser has a portal session. @throws ApiError if the server cannot be reached or fails */
export async function resumePortal(): Promise<boolean> {
  const answer = await postToSession(`portal/resume${ofTab()}`)
  if (answer.status === 401) return false
  if (!answer.ok) throw await readProblem(answer)
  await keep(answer)
  return true
}

/** Removes the session from this browser. @throws ApiError */
export async function leavePortal(): Promise<void> {
  const answer = await postToSession(`portal/leave${ofTab()}`)
  if (!answer.ok) throw await readProblem(answer)
  forgetPortalTab()
}

/** Where a tab says that its session is over, without looking for another one. */
export const PORTAL_END = '#over'

/** The server no longer takes the token: says so, instead of the screen. The tab stays the organization's, also when it is reloaded. */
export function showPortalEnd(): void {
  location.assign(`/dashboard/portal${PORTAL_END}`)
}
