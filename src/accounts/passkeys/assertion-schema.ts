import * as z from 'zod'

/** Bytes in base64url, as WebAuthn's JSON has them. */
export const bytesField = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url')

/** Credential ids have at most 1,023 bytes (W3C Web Authentication Level 3, section 4, "credential id"). */
export const credentialId = bytesField(1_364)
export const clientData = bytesField(10_000)

/**
 * An object that a browser makes, not a person who may mistype: fields besides those that are read are allowed, as WebAuthn's
 * extensions and later levels add some, and they are ignored.
 */
export const madeByBrowser = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object(shape).catchall(z.unknown().optional())

/** What `toJSON()` of a passkey's answer gives. */
export const Assertion = madeByBrowser({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: madeByBrowser({
    clientDataJSON: clientData,
    authenticatorData: bytesField(10_000),
    signature: bytesField(10_000),
    userHandle: bytesField(100).nullish(),
  }),
}).meta({ id: 'PasskeyAssertion' })

export type Assertion = z.output<typeof Assertion>
