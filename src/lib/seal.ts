import { utf8 } from './bytes.ts'

const NONCE_BYTES = 12
/** The first byte of newly sealed values. Older values begin with their nonce, so they may begin with it by chance. */
const VERSION = 1

/** The root secrets of a deployment, as in its configuration. */
export interface RootSecrets {
  /** The secret that seals. */
  readonly SECRET_KEY: string
  /** The secrets that open, that one first; absent or empty if there is only one. */
  readonly SECRET_KEYS?: readonly string[] | undefined
}

/** All secrets that open, the one that seals first. */
export const listSecrets = ({ SECRET_KEY, SECRET_KEYS = [] }: RootSecrets): readonly string[] =>
  SECRET_KEYS.length > 0 ? SECRET_KEYS : [SECRET_KEY]

/**
 * Encrypts with AES-256-GCM under a key derived by HKDF-SHA-256 (RFC 5869) from the first root secret.
 *
 * @param purpose the use and the owner of the secret; another purpose derives another key
 * @returns the version, a fresh nonce, then the ciphertext with its tag
 */
export async function seal(secrets: RootSecrets, purpose: string, text: string): Promise<Uint8Array> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const key = await derive(secrets.SECRET_KEY, purpose)
  const sealed = await crypto.subtle.encrypt(parameters(nonce, purpose), key, utf8(text))
  return new Uint8Array([VERSION, ...nonce, ...new Uint8Array(sealed)])
}

/**
 * Opens a value that any of the root secrets has sealed, including values from before there was a version.
 *
 * @throws if it was sealed under another secret or purpose, or altered
 */
export async function unseal(secrets: RootSecrets, purpose: string, sealed: Uint8Array): Promise<string> {
  let failure: unknown
  for (const start of sealed[0] === VERSION ? [1, 0] : [0])
    for (const secret of listSecrets(secrets))
      try {
        return await open(secret, purpose, sealed.subarray(start))
      } catch (error) {
        failure = error
      }
  throw failure
}

/** Whether a value is sealed as `seal` would do it now: with the current version and the first secret. */
export async function isSealedByFirst(secrets: RootSecrets, purpose: string, sealed: Uint8Array): Promise<boolean> {
  if (sealed[0] !== VERSION) return false
  return open(secrets.SECRET_KEY, purpose, sealed.subarray(1)).then(
    () => true,
    () => false,
  )
}

async function open(secret: string, purpose: string, sealed: Uint8Array): Promise<string> {
  const [nonce, ciphertext] = [sealed.slice(0, NONCE_BYTES), sealed.slice(NONCE_BYTES)]
  const opened = await crypto.subtle.decrypt(parameters(nonce, purpose), await derive(secret, purpose), ciphertext)
  return new TextDecoder().decode(opened)
}

/** The purpose is also the additional data, so a value sealed for one user never opens as another's. */
function parameters(iv: Uint8Array<ArrayBuffer>, purpose: string) {
  return { name: 'AES-GCM', iv, additionalData: utf8(purpose) }
}

async function derive(secret: string, purpose: string): Promise<CryptoKey> {
  const root = await crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveKey'])
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(purpose) }
  return crypto.subtle.deriveKey(algorithm, root, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}
