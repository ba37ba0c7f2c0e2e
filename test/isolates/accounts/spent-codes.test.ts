import { afterEach, describe, expect, test, vi } from 'vitest'
import { base64url, sha256 } from '../../../src/lib/bytes.ts'
import { newAuthenticator } from '../../support/authenticator.ts'
import { breakStatement } from '../../support/broken-stores.ts'
import { call, newUser, randomIp } from '../../support/http.ts'
import { confirmAddress, mailTo } from '../../support/mail.ts'
import { beginSignIn, newOwner, ORIGIN, PASSKEYS } from '../../support/passkeys.ts'
import { complete, newPerson, visit } from '../../support/providers.ts'
import { API, newCompany, worker as sso, visit as visitCompany } from '../../support/sso.ts'
import { newTwoFactorUser } from '../../support/two-factor.ts'
import { workerWith } from '../../support/variant.ts'

afterEach(() => vi.restoreAllMocks())

const byEmail = workerWith({ EMAIL_SIGN_IN: 'code' })
const ascending = (one: number, other: number) => one - other

interface Use {
  /** Of the sign-in, or of the other action that the code is for. */
  readonly use: () => Promise<{ readonly status: number; readonly body: { readonly code?: string } }>
  readonly done: number
  readonly used: string
  /** The error for concurrent requests that come second. */
  readonly late?: string
  /** A statement in the batch that uses it. */
  readonly statement: string
}

const SESSION = 'insert into "sessions"'
const signsIn = { done: 200, used: 'invalid_sign_in', statement: SESSION }

async function codeByEmail(email: string): Promise<Use['use']> {
  const code_verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  await byEmail.call(`POST ${API}/auth/sign-in/email`, {
    email,
    code_challenge: base64url(sha256(code_verifier)),
  })
  await byEmail.settled()
  const [code] = /^\d{4} \d{4}/.exec((await mailTo(email, /signs you in to/)).subject) ?? []
  return () => byEmail.call(`POST ${API}/auth/sign-in/complete`, { code, code_verifier })
}

async function confirmedUser() {
  const user = await newUser()
  await confirmAddress(user.email)
  return user
}

const USES: Readonly<Record<string, () => Promise<Use>>> = {
  'the code of an email': async () => ({ ...signsIn, use: await codeByEmail((await confirmedUser()).email) }),
  'the code of an email that makes an account': async () => ({
    ...signsIn,
    use: await codeByEmail(`new-${crypto.randomUUID()}@example.com`),
  }),
  'the code of an email before a second factor': async () => {
    const { email } = await newTwoFactorUser()
    await confirmAddress(email)
    return { ...signsIn, use: await codeByEmail(email), statement: 'insert into "login_challenges"' }
  },
  'the code of an identity provider': async () => {
    const { proof } = await visit(newPerson())
    return { ...signsIn, use: () => complete(proof) }
  },
  'the code of an identity provider before a second factor': async () => {
    const { email } = await newTwoFactorUser()
    await confirmAddress(email)
    const { proof } = await visit(newPerson({ email }))
    return { ...signsIn, use: () => complete(proof), statement: 'insert into "login_challenges"' }
  },
  'the code of a single sign-on': async () => {
    const person = (await newCompany()).person()
    const { proof } = await visitCompany(person.email, person)
    return { ...signsIn, use: () => sso.call(`POST ${API}/auth/sign-in/complete`, proof) }
  },
  'the code that links an identity': async () => {
    const [{ token }, { proof }] = [await newUser(), await visit(newPerson())]
    const use = () => call('POST /api/v1/auth/identities', { token, body: proof })
    return { ...signsIn, use, statement: 'insert into "identities"' }
  },
  'the answer of a passkey': async () => {
    const { authenticator } = await newOwner()
    const passkey = await authenticator.get(await beginSignIn())
    const use = () => call(`POST ${PASSKEYS}/sign-in`, { body: { passkey }, ip: randomIp() })
    return { use, done: 200, used: 'invalid_passkey', statement: SESSION }
  },
  'the answer of a passkey that is added': async () => {
    const { token } = await newUser()
    const { body: options } = await call(`POST ${PASSKEYS}/begin`, { token })
    const credential = await (await newAuthenticator(ORIGIN)).create(options)
    const use = () => call(`POST ${PASSKEYS}`, { token, body: { credential } })
    return { use, done: 201, used: 'invalid_passkey', late: 'passkey_known', statement: 'insert into "passkeys"' }
  },
}

describe.each(Object.entries(USES))('%s', (_, make) => {
  test('is used up only if the request succeeded', async () => {
    const { use, done, used, statement } = await make()
    breakStatement(statement)
    for (let tries = 0; tries < 6; tries++) expect((await use()).status).toBe(503)
    vi.restoreAllMocks()
    expect((await use()).status).toBe(done)
    expect((await use()).body.code).toBe(used)
  })

  test('works for only one of several concurrent uses', async () => {
    const { use, done, used, late = used } = await make()
    const answers = await Promise.all([use(), use(), use()])
    const statuses = answers.map(({ status }) => status).toSorted(ascending)
    expect(statuses.filter((status) => status === done)).toHaveLength(1)
    const refused = answers.filter(({ status }) => status !== done).map(({ body }) => body.code)
    expect(refused).toEqual([late, late])
  })
})
