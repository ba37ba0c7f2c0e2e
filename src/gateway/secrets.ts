import { base64url, fromBase64 } from '../lib/bytes.ts'
import { type RootSecrets, seal, unseal } from '../lib/seal.ts'

interface HeaderName {
  /** The route's id. */
  readonly id: string
  /** In lower case. */
  readonly name: string
}

/** Binds a sealed header to its route and name, so that it never opens as another one. */
export const describePurpose = ({ id, name }: HeaderName) => `gateway header ${name} of ${id}`

/** @returns the sealed value, in base64url */
export async function sealHeader(
  secrets: RootSecrets,
  header: HeaderName & { readonly value: string },
): Promise<string> {
  return base64url(await seal(secrets, describePurpose(header), header.value))
}

/** @throws if it was sealed under another secret, for another route or name, or altered */
export function openHeader(secrets: RootSecrets, header: HeaderName & { readonly sealed: string }): Promise<string> {
  return unseal(secrets, describePurpose(header), fromBase64(header.sealed))
}
