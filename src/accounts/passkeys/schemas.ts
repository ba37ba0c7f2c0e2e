import * as z from 'zod'
import { line } from '../../http/fields.ts'
import { optionalPassword } from '../two-factor/schemas.ts'
import { Assertion, bytesField, clientData, credentialId, madeByBrowser } from './assertion-schema.ts'

const Credential = z.object({ type: z.literal('public-key'), id: z.string(), transports: z.array(z.string()) })

/** The input of `PublicKeyCredential.parseCreationOptionsFromJSON` (W3C Web Authentication Level 3, section 5.1.9). */
export const CreationOptions = z
  .object({
    rp: z.object({ id: z.string(), name: z.string() }),
    user: z.object({ id: z.string(), name: z.string(), displayName: z.string() }),
    challenge: z.string(),
    pubKeyCredParams: z.array(z.object({ type: z.literal('public-key'), alg: z.int() })),
    timeout: z.int().meta({ description: 'In milliseconds.' }),
    excludeCredentials: z.array(Credential),
    authenticatorSelection: z.object({
      residentKey: z.literal('required'),
      requireResidentKey: z.literal(true),
      userVerification: z.literal('required'),
    }),
    attestation: z.literal('none'),
  })
  .meta({ id: 'PasskeyCreationOptions' })

/** The input of `PublicKeyCredential.parseRequestOptionsFromJSON`. */
export const RequestOptions = z
  .object({
    challenge: z.string(),
    timeout: z.int().meta({ description: 'In milliseconds.' }),
    rpId: z.string(),
    allowCredentials: z.array(Credential).meta({ description: 'Empty if the passkey itself identifies the user.' }),
    userVerification: z.literal('required'),
  })
  .meta({ id: 'PasskeyRequestOptions' })

/** The result of `toJSON()` of a new credential. */
const Attestation = madeByBrowser({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: clientData,
    attestationObject: bytesField(100_000),
    transports: z
      .array(z.string().regex(/^[a-z-]{1,40}$/))
      .max(10)
      .default([]),
  }),
}).meta({
  id: 'PasskeyAttestation',
  example: {
    id: 'q3Z1vFjBxQ0',
    rawId: 'q3Z1vFjBxQ0',
    type: 'public-key',
    response: { clientDataJSON: 'eyJ0eXBlIjoi', attestationObject: 'o2NmbXRkbm9u', transports: ['internal', 'hybrid'] },
    clientExtensionResults: {},
  },
  description:
    "The result of the browser's `navigator.credentials.create`, as `toJSON()` returns it (W3C Web Authentication Level 3, section 5.1).",
})

const passkeyName = line(100)

export const Begin = z.strictObject({ password: optionalPassword })
export const NewPasskey = z
  .strictObject({
    credential: Attestation,
    name: passkeyName
      .optional()
      .meta({ description: 'Defaults to the name of the password manager, or to `Passkey`.' }),
    password: optionalPassword,
  })
  .meta({ id: 'NewPasskey' })
export const PasskeyChange = z.strictObject({ name: passkeyName })
export const Removal = z.strictObject({ password: optionalPassword })
export const PasskeySignIn = z.strictObject({ passkey: Assertion })

export const Passkey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    is_synced: z
      .boolean()
      .meta({ description: 'Whether it is synchronized between devices, so that it survives the loss of one.' }),
    works_here: z.boolean().meta({ description: 'Whether it was created for the current address of this deployment.' }),
    created_at: z.iso.datetime(),
    last_used_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Passkey' })

export const Passkeys = z.object({ data: z.array(Passkey) })
