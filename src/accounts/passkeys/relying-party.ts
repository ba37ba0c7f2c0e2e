import type { Config } from '../../config.ts'
import { isWithin } from '../../lib/is-within.ts'

type Settings = Pick<Config, 'PASSKEY_RP_ID' | 'PUBLIC_URL' | 'CORS_ORIGINS'>

/** The relying party of passkeys (W3C Web Authentication, section 5.1.2): this deployment's host, or a parent domain. */
export const relyingPartyId = ({ PASSKEY_RP_ID, PUBLIC_URL }: Settings): string =>
  PASSKEY_RP_ID ?? new URL(PUBLIC_URL).hostname

/** The origins whose pages may use its passkeys: this deployment's, and those of `CORS_ORIGINS` in the same domain. */
export function passkeyOrigins(config: Settings): string[] {
  const id = relyingPartyId(config)
  return [config.PUBLIC_URL, ...config.CORS_ORIGINS].flatMap((text) => {
    const url = URL.parse(text)
    return url && isWithin(url.hostname, id) ? [url.origin] : []
  })
}
