import * as z from 'zod'
import type { Config } from '../config.ts'
import type { ManagementDeps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { Problem } from '../problems.ts'

/** Cloudflare's response about a token (https://developers.cloudflare.com/turnstile/get-started/server-side-validation/). */
const Verdict = z.object({ success: z.boolean(), 'error-codes': z.array(z.string()).default([]) })

/** Error codes that are caused by this deployment or Cloudflare; no visitor can cause or fix them. */
const OF_OTHERS = new Set(['missing-input-secret', 'invalid-input-secret', 'internal-error'])

/**
 * Requires that a person registers, proved by a token of Cloudflare Turnstile. If Cloudflare does not respond in time, or
 * does not know the secret, everybody is admitted: `turnstile_unavailable` is logged, and the other rules apply.
 *
 * A back end that states its client's address with a service key has already admitted that person by its own rules.
 *
 * @throws Problem `person_unproven`
 */
export async function requirePerson(deps: ManagementDeps, token: string | undefined): Promise<void> {
  if (!(await isPerson(deps, token))) throw new Problem('person_unproven')
}

/** The same as a condition. */
export async function isPerson(deps: ManagementDeps, token: string | undefined): Promise<boolean> {
  const { TURNSTILE_SECRET_KEY: secret } = deps.config
  if (!secret || deps.origin.addressBy !== undefined) return true
  return token !== undefined && (await ask(deps, secret, token))
}

/** The data that a page needs to show the widget. */
export const describeCheck = ({ TURNSTILE_SITE_KEY: siteKey, TURNSTILE_URL }: Config) =>
  siteKey === undefined ? null : { site_key: siteKey, script_url: `${TURNSTILE_URL}/api.js?render=explicit` }

async function ask({ config, origin }: ManagementDeps, secret: string, token: string): Promise<boolean> {
  try {
    const response = await fetch(`${config.TURNSTILE_URL}/siteverify`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ secret, response: token, ...(origin.ip && { remoteip: origin.ip }) }),
      redirect: 'manual',
      signal: AbortSignal.timeout(config.TURNSTILE_TIMEOUT_MS),
    })
    const { success, 'error-codes': codes } = Verdict.parse(await response.json())
    if (success || !codes.some((code) => OF_OTHERS.has(code))) return success
    throw new Error(`Turnstile answered ${response.status}: ${codes.join(', ')}.`)
  } catch (error) {
    log('warn', 'turnstile_unavailable', errorFields(error))
    return true
  }
}
