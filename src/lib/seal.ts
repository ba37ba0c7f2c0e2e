import { utf8 } from './bytes.ts'

const NONCE_BYTES = 12

/**
 * Encrypts with AES-256-GCM under a key derived by HKDF-SHA-256 (RFC 5869).
 *
 * @param secret the server's root secret
 * @param purpose the use and the owner of the secret; another purpose derives another key
 * @returns a fresh nonce, then the ciphertext with its tag
 */
export async function seal(secret: string, purpose: string, text: string): Promise<Uint8Array> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const sealed = await crypto.subtle.encrypt(parameters(nonce, purpose), await derive(secret, purpose), utf8(text))
  return new Uint8Array([...nonce, ...new Uint8Array(sealed)])
}

/** @throws if it was sealed under another secret or purpose, or altered */
export async function unseal(secret: string, purpose: string, sealed: Uint8Array): Promise<string> {
  const [nonce, ciphertext] = [sealed.slice(0, NONCE_BYTES), sealed.slice(NONCE_BYTES)]
  const opened = await crypto.subtle.decrypt(parameters(nonce, purpose), await derive(secret, purpose), ciphertext)
  return new TextDecoder().decode(opened)
}

/** The purpose is also the additional data, so a value sealed for one user never opens as another's. */
function parameters(iv: Uint8Array, purpose: string) {
  return { name: 'AES-GCM', iv, additionalData: utf8(purpose) }
}

async function derive(secret: string, purpose: string): Promise<CryptoKey> {
  const root = await crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveKey'])
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(purpose) }
  return crypto.subtle.deriveKey(algorithm, root, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}
