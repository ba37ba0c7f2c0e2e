import type { Config } from '../config.ts'
import { findTargetFlaw } from '../events/target-rules.ts'

/**
 * Why requests must not be sent to an upstream: the rules of webhooks (events/target-rules.ts), and in addition no host of the
 * gateway, which would loop forever.
 *
 * @returns the rest of a sentence that quotes nothing; `undefined` if the upstream is allowed
 */
export function findUpstreamFlaw(upstream: string, { PUBLIC_URL, GATEWAY_HOSTS }: Config): string | undefined {
  const flaw = findTargetFlaw(upstream, PUBLIC_URL)
  if (flaw) return flaw
  const { search, hash, host } = new URL(upstream)
  if (search || hash) return 'must have no query and no fragment'
  return GATEWAY_HOSTS.includes(host.replace(/\.$/, '')) ? 'must not point to a host of the gateway' : undefined
}
