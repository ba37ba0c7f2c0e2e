import { Problem } from '../problems.ts'
import type { Principal, UserPrincipal } from './principal.ts'

/** How long a sign-in proves that the owner is present. */
const FRESH_MS = 15 * 60_000

/** @throws Problem `reauthentication_required` if the user's last proof of presence is older than 15 minutes */
export function requireFresh({ provedAt }: UserPrincipal, now: number, detail?: string): void {
  if (now - provedAt > FRESH_MS) throw new Problem('reauthentication_required', detail === undefined ? {} : { detail })
}

/**
 * Required of people before they give lasting power over the deployment: a stolen access token alone must not become a key or an
 * administrator that outlives it (ASVS 7.5.1). Service keys cannot give any.
 *
 * @throws Problem `reauthentication_required`
 */
export function requirePresence(principal: Principal, now: number, detail?: string): void {
  if (principal.kind === 'user') requireFresh(principal, now, detail)
}
