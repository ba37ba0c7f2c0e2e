import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import * as z from 'zod'
import { type Call, json, parseJson, type Reply, type Route } from './http.ts'

const ALGORITHM = 'ES256'
const HOUR_SECONDS = 3_600

/** The paths of other token issuers: each name has its own keys, created on first use. */
const FOLDERS = {
  jwks: '/issuers/jwks/',
  tokens: '/issuers/tokens/',
  rotations: '/issuers/rotations/',
  answers: '/issuers/answers/',
} as const

interface SigningKey {
  readonly kid: string
  readonly sign: CryptoKey
  readonly published: JWK
}

interface Issuer {
  /** The first one signs; all are published. */
  keys: SigningKey[]
  /** The answer in place of the keys. */
  answer?: z.output<typeof AnswerBody> | undefined
}

const TokenBody = z.strictObject({
  /** `iss`, `iat` and an `exp` in an hour are added if missing; `null` leaves one out. */
  claims: z.record(z.string(), z.unknown()),
  header: z.record(z.string(), z.unknown()).default({}),
})
const RotationBody = z.strictObject({ keep_old: z.boolean().default(true) })
const AnswerBody = z.strictObject({
  status: z.int().min(200).max(599).default(200),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string(),
})

/**
 * Token issuers besides Tollgate, such as Clerk, Supabase or Auth0: `GET jwks/{name}` returns the public keys,
 * `POST tokens/{name}` signs claims, `POST rotations/{name}` starts a new key, `PUT answers/{name}` sets another answer
 * in place of the keys until `DELETE`. The issuer's name in tokens is the address of its keys.
 */
export function issuerRoutes(): Record<string, Route> {
  const issuers = new Map<string, Promise<Issuer>>()
  const open = (call: Call, folder: string) => {
    const name = call.url.pathname.slice(folder.length)
    const known = issuers.get(name) ?? newKey().then((key): Issuer => ({ keys: [key] }))
    issuers.set(name, known)
    return known
  }
  return {
    [`GET ${FOLDERS.jwks}*`]: { door: 'issuers', answer: async (call) => showKeys(await open(call, FOLDERS.jwks)) },
    [`POST ${FOLDERS.tokens}*`]: { answer: async (call) => signToken(await open(call, FOLDERS.tokens), call) },
    [`POST ${FOLDERS.rotations}*`]: { answer: async (call) => rotate(await open(call, FOLDERS.rotations), call) },
    [`PUT ${FOLDERS.answers}*`]: { answer: async (call) => setAnswer(await open(call, FOLDERS.answers), call) },
    [`DELETE ${FOLDERS.answers}*`]: {
      answer: async (call) => {
        const issuer = await open(call, FOLDERS.answers)
        issuer.answer = undefined
        return DONE
      },
    },
  }
}

const DONE: Reply = { status: 204, type: 'text/plain', body: '' }

async function newKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const kid = crypto.randomUUID()
  return { kid, sign: privateKey, published: { ...(await exportJWK(publicKey)), kid, alg: ALGORITHM, use: 'sig' } }
}

function showKeys({ keys, answer }: Issuer): Reply {
  if (answer) return { type: 'application/json; charset=utf-8', ...answer }
  return { ...json(200, { keys: keys.map(({ published }) => published) }), headers: { 'cache-control': 'max-age=600' } }
}

async function signToken({ keys: [key] }: Issuer, { url, body }: Call): Promise<Reply> {
  const input = TokenBody.safeParse(parseJson(body))
  if (!input.success || !key) return badRequest(input.error)
  const now = Math.floor(Date.now() / 1000)
  const iss = `${url.origin}${url.pathname.replace(FOLDERS.tokens, FOLDERS.jwks)}`
  const claims = { iss, iat: now, exp: now + HOUR_SECONDS, ...input.data.claims }
  const given = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null))
  const header = { alg: ALGORITHM, kid: key.kid, typ: 'JWT', ...input.data.header }
  return json(201, { token: await new SignJWT(given).setProtectedHeader(header).sign(key.sign) })
}

async function rotate(issuer: Issuer, { body }: Call): Promise<Reply> {
  const input = RotationBody.safeParse(parseJson(body || '{}'))
  if (!input.success) return badRequest(input.error)
  issuer.keys = [await newKey(), ...(input.data.keep_old ? issuer.keys : [])]
  return json(201, { kid: issuer.keys[0]?.kid })
}

function setAnswer(issuer: Issuer, { body }: Call): Reply {
  const input = AnswerBody.safeParse(parseJson(body))
  if (!input.success) return badRequest(input.error)
  issuer.answer = input.data
  return DONE
}

const badRequest = (error: z.ZodError | undefined): Reply =>
  json(400, { error: 'invalid_request', message: error ? z.prettifyError(error) : 'There is no key.' })
