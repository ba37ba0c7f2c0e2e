import { base64url, fromBase64, utf8 } from '../../src/lib/bytes.ts'

/** Flags of authenticator data (W3C Web Authentication Level 3, section 6.1). */
const FLAG = { present: 0x01, verified: 0x04, syncable: 0x08, synced: 0x10, hasCredential: 0x40 }

/** How the authenticator or the browser misbehaves in a test. */
export interface Oddity {
  readonly origin?: string
  readonly rpId?: string
  readonly type?: string
  readonly challenge?: string
  readonly isVerified?: boolean
  readonly counter?: number
  readonly userHandle?: string
  readonly crossOrigin?: boolean
}

interface Options {
  readonly challenge: string
  readonly rpId: string
}

interface CreationOptions {
  readonly challenge: string
  readonly rp: { readonly id: string }
  readonly user: { readonly id: string }
}

export type Authenticator = Awaited<ReturnType<typeof newAuthenticator>>

/** A software authenticator with one passkey (ES256), and the browser around it. Synchronized ones always count 0. */
export async function newAuthenticator(origin: string, { isSynced = true, aaguid = new Uint8Array(16) } = {}) {
  const keys = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair
  const credentialId = crypto.getRandomValues(new Uint8Array(32))
  const id = base64url(credentialId)
  let counter = 0
  let owner = ''

  const flags = (odd: Oddity) =>
    FLAG.present | (odd.isVerified === false ? 0 : FLAG.verified) | (isSynced ? FLAG.syncable | FLAG.synced : 0)

  async function create(options: CreationOptions, odd: Oddity = {}) {
    owner = options.user.id
    const jwk = (await crypto.subtle.exportKey('jwk', keys.publicKey)) as JsonWebKey
    const cose = concat(
      [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21],
      bytes(part(jwk.x)),
      [0x22],
      bytes(part(jwk.y)),
    )
    const authData = concat(
      await hash(odd.rpId ?? options.rp.id),
      [flags(odd) | FLAG.hasCredential],
      uint32(odd.counter ?? counter),
      aaguid,
      [0, credentialId.length],
      credentialId,
      cose,
    )
    const attestation = concat(
      [0xa3],
      text('fmt'),
      text('none'),
      text('attStmt'),
      [0xa0],
      text('authData'),
      bytes(authData),
    )
    const clientData = clientDataOf('webauthn.create', options.challenge, odd)
    return {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: base64url(clientData),
        attestationObject: base64url(attestation),
        transports: ['internal', 'hybrid'],
        publicKeyAlgorithm: -7,
      },
      authenticatorAttachment: 'platform',
      clientExtensionResults: { credProps: { rk: true } },
    }
  }

  async function get(options: Options, odd: Oddity = {}) {
    if (!isSynced) counter += 1
    const authData = concat(await hash(odd.rpId ?? options.rpId), [flags(odd)], uint32(odd.counter ?? counter))
    const clientData = clientDataOf('webauthn.get', options.challenge, odd)
    const signed = concat(authData, new Uint8Array(await crypto.subtle.digest('SHA-256', clientData)))
    const raw = new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, keys.privateKey, signed))
    return {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: base64url(clientData),
        authenticatorData: base64url(authData),
        signature: base64url(toDer(raw)),
        userHandle: odd.userHandle ?? owner,
      },
      clientExtensionResults: {},
    }
  }

  const clientDataOf = (type: string, challenge: string, odd: Oddity) =>
    utf8(
      JSON.stringify({
        type: odd.type ?? type,
        challenge: odd.challenge ?? challenge,
        origin: odd.origin ?? origin,
        crossOrigin: odd.crossOrigin ?? false,
      }),
    )

  return { id, create, get }
}

const part = (coordinate: string | undefined) => fromBase64(coordinate ?? '')
const hash = async (value: string) => new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(value)))
const uint32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]

function concat(...parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((one) => Array.from(one)))
}

/** CBOR (RFC 8949): a text of fewer than 24 bytes. */
const text = (value: string) => concat([0x60 | value.length], utf8(value))

/** CBOR: a byte string. */
const bytes = (value: Uint8Array) =>
  value.length < 256
    ? concat([0x58, value.length], value)
    : concat([0x59, value.length >> 8, value.length & 255], value)

/** An ECDSA signature as ASN.1: WebCrypto gives its two numbers side by side. */
function toDer(raw: Uint8Array): Uint8Array {
  const integer = (value: Uint8Array) => {
    const first = value.findIndex((byte) => byte !== 0)
    const trimmed = value.slice(first)
    const positive = (trimmed[0] ?? 0) > 127 ? concat([0], trimmed) : trimmed
    return concat([2, positive.length], positive)
  }
  const body = concat(integer(raw.slice(0, 32)), integer(raw.slice(32)))
  return concat([0x30, body.length], body)
}
