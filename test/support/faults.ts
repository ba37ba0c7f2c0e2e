import { env } from 'cloudflare:workers'

/** A UUID, an email address, a moment, a hash or its prefix, a code: what no other test's requests contain. */
const OWN_TEXT = /[0-9a-f]{8}-[0-9a-f]{4}-|@|\d\.\d{3}Z|[0-9a-f]{12}|[\w-]{40}|^\/range\/[0-9A-F]{5}$/

export interface Fault extends Record<string, unknown> {
  /** The fault ends after this many hits. */
  readonly count: number
  readonly kind: string
}

/**
 * Makes one of the local services fail for the requests that contain a text, or all of several.
 *
 * @param match of which one is of this test alone: the services are shared by all files that run at the same time, and a
 *   fault that another file's request consumes fails two tests
 */
export async function failFor(match: string | string[], fault: Fault & { readonly door: string }): Promise<void> {
  if (![match].flat().some((text) => OWN_TEXT.test(text)))
    throw new Error(`Requests of other tests may contain ${JSON.stringify(match)} too: match an own id.`)
  const response = await fetch(`${env.STACK_URL}/control/faults`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ match, ...fault }),
  })
  if (response.status !== 201) throw new Error(await response.text())
}

/** Makes the email provider fail for emails that contain a text, such as their address. */
export const failMail = (match: string, fault: Fault) => failFor(match, { ...fault, door: 'mail' })

/** Makes receivers of webhooks fail for requests that contain a text, such as an organization's id. */
export const failWebhooks = (match: string, fault: Fault) => failFor(match, { ...fault, door: 'webhooks' })
