import type * as z from 'zod'
import { runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import type { ManagementDeps } from '../../deps.ts'
import { safeReturn } from '../../http/return-url.ts'
import { base64url, sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { mailFor } from '../../mail/outbox.ts'
import { confirmOrReset, signInByEmail } from '../../mail/templates/account.ts'
import { render } from '../../mail/templates/render.tsx'
import { Problem } from '../../problems.ts'
import { admit } from '../admit.ts'
import { isDisposable } from '../disposable.ts'
import type { CodeProof } from '../identities/complete.ts'
import { enforceForAccount } from '../known-network.ts'
import { findUserByEmail } from '../queries.ts'
import { registerConfirmed } from '../register-confirmed.ts'
import { mayRegister } from '../registration.ts'
import { isPerson } from '../turnstile.ts'
import { emailMethod } from '../ways-in.ts'
import { deferWork } from './defer-work.ts'
import { tokenMail } from './mail.ts'
import { findRecipient, replaceEmailToken } from './queries.ts'
import type { EmailSignIn } from './schemas.ts'
import { CODE_SECONDS, hashCode, inGroups, newLinkCode, newTypedCode } from './sign-in-code.ts'
import { stillSignsIn, tryEmailCode, upsertEmailSignIn, useEmailCode } from './sign-in-queries.ts'

type Request = z.output<typeof EmailSignIn>

/**
 * Sends a sign-in code or link, depending on `EMAIL_SIGN_IN`. It works only with the verifier of the requesting page. For an
 * address without an account, using it creates one, if registration allows that; an unconfirmed address gets a confirmation link
 * instead. Neither the response nor its timing reveals which.
 *
 * @throws Problem `email_sign_in_off`, `rate_limited` by the entered address, `invalid_request` if browsers may not be sent to
 *   `return_to`
 */
export async function beginEmailSignIn(deps: ManagementDeps, request: Request) {
  const method = emailMethod(deps.config)
  if (method === 'off') throw new Problem('email_sign_in_off')
  const { email } = request
  const returnTo = safeReturn(
    deps.config,
    'return_to',
    request.return_to ?? `${deps.config.PUBLIC_URL}/dashboard/sign-in`,
  )
  const address = networkAddress(deps)
  await enforceRateLimits(deps, {
    email_sign_in_address: { address },
    email_sign_in_account_address: { address, account: email },
  })
  await enforceForAccount(deps, 'email_sign_in_account', email)
  deferWork(deps, async function sendCode() {
    const user = await findRecipient(deps.db, email)
    if (user ? !user.isActive : !(await mayGetAccount(deps, request))) return
    if (user && !user.emailVerifiedAt) return confirmFirst(deps, { userId: user.id, email })
    await send(deps, { ...request, return_to: returnTo }, method)
  })
  return { method, expires_in: CODE_SECONDS }
}

/** Creating an account with a code is subject to the same rules as registration. */
const mayGetAccount = async (deps: ManagementDeps, { email, turnstile_token: token }: Request) =>
  mayRegister(deps.config, email) && !(await isDisposable(deps, email)) && (await isPerson(deps, token))

/** The person who registered the address may not be its owner. So the email tells the owner what to do in either case. */
async function confirmFirst(deps: ManagementDeps, recipient: { readonly userId: string; readonly email: string }) {
  const mail = tokenMail(deps, recipient, 'verify', confirmOrReset)
  await runBatch(deps.db, { token: replaceEmailToken(deps.db, mail.token), mail: mail.insert })
  mail.send()
}

async function send(deps: ManagementDeps, { email, code_challenge, return_to }: Request, method: 'code' | 'link') {
  const code = method === 'code' ? newTypedCode() : newLinkCode()
  const service = deps.config.SERVICE_NAME
  const content = signInByEmail(
    method === 'code' ? { service, code: inGroups(code) } : { service, url: withCode(return_to ?? '', code) },
  )
  const now = deps.now()
  const mail = mailFor(deps, render(service, email, content), { urgent: true })
  await runBatch(deps.db, {
    signIn: upsertEmailSignIn(deps.db, {
      id: uuidv7(now),
      email,
      codeChallenge: code_challenge,
      codeHash: hashCode(code_challenge, code),
      createdAt: new Date(now),
      expiresAt: new Date(now + CODE_SECONDS * 1_000),
    }),
    mail: mail.insert,
  })
  mail.send()
}

function withCode(returnTo: string, code: string): string {
  const url = new URL(returnTo)
  url.searchParams.set('sign_in_code', code)
  return url.href
}

/**
 * Signs in with a code that was sent by email, or creates an account the first time. If a second factor is enabled, returns a
 * challenge.
 *
 * @throws Problem `invalid_code` for a wrong code; `invalid_sign_in` for one that is used, expired or another page's, and after
 *   five wrong ones; `invalid_credentials` for an account that may not sign in; `registration_closed`,
 *   `registration_domain_not_allowed`; `rate_limited`
 */
export async function completeByEmail(deps: ManagementDeps, code: string, { code_verifier }: CodeProof) {
  const address = networkAddress(deps)
  await enforceRateLimits(deps, { sign_in_address: { address } })
  const challenge = base64url(sha256(code_verifier))
  const use = { challenge, codeHash: hashCode(challenge, code), now: new Date(deps.now()) }
  const tried = await tryEmailCode(deps.db, use)
  if (!tried) throw new Problem('invalid_sign_in')
  const { email, isRight } = tried
  if (!isRight) throw new Problem('invalid_code')
  const account = (await findUserByEmail(deps.db, email)) ?? (await register(deps, email))
  if (!account || account.emailVerifiedAt === null) throw new Problem('invalid_sign_in')
  return admit(deps, account, {
    factor: 'email',
    holds: stillSignsIn(account.id, email),
    spent: [useEmailCode(deps.db, use)],
  })
}

async function register(deps: ManagementDeps, email: string) {
  await registerConfirmed(deps, { email }, { detail: { by: 'email' } }).catch((error: unknown) => {
    if (brokenConstraint(error) !== 'users_email_unique') throw error // another request was faster
  })
  return findUserByEmail(deps.db, email)
}
