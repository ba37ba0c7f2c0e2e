import { expect, test } from 'vitest'
import { utf8 } from '../../../src/lib/bytes.ts'
import { isSealedByFirst, listSecrets, seal, unseal } from '../../../src/lib/seal.ts'

const [OLD, NEW, OTHER] = ['o', 'n', 'x'].map((letter) => letter.repeat(32)) as [string, string, string]
const only = (SECRET_KEY: string) => ({ SECRET_KEY })
const rotated = { SECRET_KEY: NEW, SECRET_KEYS: [NEW, OLD] }

/** As values were encrypted before they had a version. */
async function sealUnversioned(secret: string, purpose: string, text: string, firstByte?: number) {
  const nonce = crypto.getRandomValues(new Uint8Array(12))
  if (firstByte !== undefined) nonce[0] = firstByte
  const root = await crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveKey'])
  const key = await crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(purpose) },
    root,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt'],
  )
  const parameters = { name: 'AES-GCM', iv: nonce, additionalData: utf8(purpose) }
  return new Uint8Array([...nonce, ...new Uint8Array(await crypto.subtle.encrypt(parameters, key, utf8(text)))])
}

test('the first secret encrypts, and every one decrypts', async () => {
  const before = await seal(only(OLD), 'of a test', 'sesame')
  const after = await seal(rotated, 'of a test', 'sesame')
  for (const sealed of [before, after]) expect(await unseal(rotated, 'of a test', sealed)).toBe('sesame')
  expect(await unseal(only(NEW), 'of a test', after)).toBe('sesame')
  await expect(unseal(only(OLD), 'of a test', after)).rejects.toThrow()
  expect([after[0], before[0]]).toEqual([1, 1])
  expect(listSecrets(only(OLD))).toEqual([OLD])
})

test.each([undefined, 1])(
  'values from before versions existed still decrypt, whatever their nonce begins with: %s',
  async (first) => {
    const sealed = await sealUnversioned(OLD, 'of a test', 'sesame', first)
    expect(await unseal(only(OLD), 'of a test', sealed)).toBe('sesame')
    expect(await unseal(rotated, 'of a test', sealed)).toBe('sesame')
    expect(await isSealedByFirst(only(OLD), 'of a test', sealed)).toBe(false)
  },
)

test('another secret, another purpose, and a changed byte do not decrypt', async () => {
  const sealed = await seal(only(NEW), 'of a test', 'sesame')
  await expect(unseal(only(OTHER), 'of a test', sealed)).rejects.toThrow()
  await expect(unseal(only(NEW), 'of another', sealed)).rejects.toThrow()
  for (const at of [0, 1, 13, sealed.length - 1])
    await expect(unseal(only(NEW), 'of a test', sealed.with(at, (sealed[at] ?? 0) ^ 1))).rejects.toThrow()
  await expect(unseal(only(NEW), 'of a test', new Uint8Array())).rejects.toThrow()
})

test('only values that the first secret encrypted in this form need no re-encryption', async () => {
  expect(await isSealedByFirst(rotated, 'of a test', await seal(rotated, 'of a test', 'sesame'))).toBe(true)
  expect(await isSealedByFirst(rotated, 'of a test', await seal(only(OLD), 'of a test', 'sesame'))).toBe(false)
})
