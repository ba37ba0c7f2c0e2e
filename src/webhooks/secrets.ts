import { seal, unseal } from '../lib/seal.ts'

/** A secret sealed for one endpoint never opens as another's. */
const purposeOf = (endpointId: string) => `webhook-secret\n${endpointId}`

export function sealSecret(root: string, endpointId: string, secret: string): Promise<Uint8Array> {
  return seal(root, purposeOf(endpointId), secret)
}

/** @throws when `SECRET_KEY` is not the one it was sealed under */
export function openSecret(root: string, endpointId: string, sealed: Uint8Array): Promise<string> {
  return unseal(root, purposeOf(endpointId), sealed)
}
