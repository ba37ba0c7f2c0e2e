import { newServiceKey } from './customers.ts'
import { type Answer, call } from './http.ts'

let maker: ReturnType<typeof newServiceKey> | undefined

/** The service key that makes the links of a file's tests. */
export function portalMaker() {
  maker ??= newServiceKey('platform:portal')
  return maker
}

/** Makes a link as a back end does. */
export async function makeLink(
  organizationId: string,
  scopes: readonly string[],
  { key, ...more }: { readonly key?: string; readonly return_url?: string } = {},
): Promise<Answer> {
  const token = key ?? (await portalMaker()).key
  return call('POST /api/v1/portal/sessions', { token, body: { organization_id: organizationId, scopes, ...more } })
}

export const tokenOf = ({ body }: Answer) => new URLSearchParams(new URL(body.url).hash.slice(1)).get('token') ?? ''

export const redeem = (token: string, more: object = {}) =>
  call('POST /api/v1/portal/redeem', { body: { token, ...more } })

/** Whom a link lets in, with these scopes. */
export async function portalToken(organizationId: string, scopes: readonly string[], key?: string): Promise<string> {
  const { body } = await redeem(tokenOf(await makeLink(organizationId, scopes, key === undefined ? {} : { key })))
  return body.access_token
}
