import * as z from 'zod'

/** Bytes in base64url, as in WebAuthn's JSON. */
export const bytesField = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url')
    .refine((text) => text.length % 4 !== 1, 'must be base64url') // no bytes have that length

/** Credential ids have at most 1,023 bytes (W3C Web Authentication Level 3, section 4, "credential id"). */
export const credentialId = bytesField(1_364)
export const clientData = bytesField(10_000)

/**
 * A JSON object that a browser creates, not a person who may mistype: unknown members are allowed, because WebAuthn's extensions
 * and later levels add members.
 */
export const madeByBrowser = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.record(z.string(), z.unknown()).pipe(z.object(shape))

/** The result of `toJSON()` of a passkey's assertion. */
export const Assertion = madeByBrowser({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: clientData,
    authenticatorData: bytesField(10_000),
    signature: bytesField(10_000),
    userHandle: bytesField(100).nullish(),
  }),
}).meta({
  id: 'PasskeyAssertion',
  example: {
    id: 'q3Z1vFjBxQ0',
    rawId: 'q3Z1vFjBxQ0',
    type: 'public-key',
    response: {
      clientDataJSON: 'eyJ0eXBlIjoi',
      authenticatorData: 'SZYN5YgOjGh0',
      signature: 'MEUCIQDk',
      userHandle: 'AZAAAAAA',
    },
    clientExtensionResults: {},
  },
  description:
    "What a browser's `navigator.credentials.get` gives, by `toJSON()` (W3C Web Authentication Level 3, section 5.1).",
})

export type Assertion = z.output<typeof Assertion>
