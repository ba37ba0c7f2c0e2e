import type { Config } from '../config.ts'
import { Problem } from '../problems.ts'

/**
 * The URL that another service may send a browser back to: this deployment, or an origin whose pages may call it. Any other URL
 * would turn the provider's page, which people trust, into an open redirect.
 *
 * @throws Problem `invalid_request` that names the field
 */
export function safeReturn(
  config: Pick<Config, 'PUBLIC_URL' | 'CORS_ORIGINS'>,
  field: string,
  url: string | undefined,
): string {
  if (url === undefined) return `${config.PUBLIC_URL}/`
  const { origin, username, password } = new URL(url)
  const isKnown = [config.PUBLIC_URL, ...config.CORS_ORIGINS].some((one) => URL.parse(one)?.origin === origin)
  if (isKnown && username === '' && password === '') return url
  throw new Problem('invalid_request', {
    errors: [{ path: `body.${field}`, message: 'must point to this deployment, or to an origin of CORS_ORIGINS' }],
  })
}
