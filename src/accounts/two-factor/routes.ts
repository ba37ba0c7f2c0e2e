import { apiRoute, newRouter } from '../../api/api-route.ts'
import { reauthentication } from '../../api/reauthentication.ts'
import { RequestOptions } from '../passkeys/schemas.ts'
import { requireOwner, requirePassword } from '../passwords/reauthenticate.ts'
import { Tokens } from '../schemas.ts'
import { getOwnProfile } from '../user.ts'
import { beginPasskeyFactor, completeLogin } from './challenge.ts'
import { BackupCodes, BeginPasskey, Complete, Disable, FactorProof, SetUp, SetUpAnswer } from './schemas.ts'
import { disableTwoFactor, enableTwoFactor, renewBackupCodes, setUpTwoFactor } from './setup.ts'

const tag = 'Two-factor authentication'
const wrongFactors = ['invalid_code', 'invalid_passkey', 'two_factor_locked'] as const

const setUpRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/2fa/setup',
  repeatable: true,
  credentials: true,
  tag,
  operationId: 'setUpTwoFactor',
  summary: 'Set up an authenticator app',
  description: 'Returns a new secret. It takes effect once `enable` receives a code from it.',
  optionalBody: SetUp,
  returns: { 200: SetUpAnswer },
  fails: [...reauthentication, 'two_factor_already_enabled'],
})

const enableRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/2fa/enable',
  repeatable: true,
  credentials: true,
  tag,
  operationId: 'enableTwoFactor',
  summary: 'Enable the second factor',
  description: 'With a code from the authenticator app, or with a passkey and no app. Ends every other session.',
  body: FactorProof,
  returns: { 200: BackupCodes },
  fails: [...reauthentication, ...wrongFactors, 'two_factor_not_set_up', 'two_factor_already_enabled'],
})

const verifyRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/2fa/verify',
  tag,
  operationId: 'verifyTwoFactor',
  summary: 'Complete a sign-in',
  description:
    'Accepts the challenge from `login` and a code or a passkey. A challenge works once, within five minutes.',
  body: Complete,
  returns: { 200: Tokens },
  fails: [...wrongFactors, 'invalid_challenge', 'rate_limited'],
})

const passkeyRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/2fa/passkey',
  tag,
  operationId: 'beginTwoFactorPasskey',
  summary: 'Begin to complete a sign-in with a passkey',
  description: 'Accepts the challenge from `login`, and returns the options for `navigator.credentials.get`.',
  body: BeginPasskey,
  returns: { 200: RequestOptions },
  fails: ['invalid_challenge', 'rate_limited'],
})

const disableRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/2fa/disable',
  repeatable: true,
  credentials: true,
  tag,
  operationId: 'disableTwoFactor',
  summary: 'Disable the second factor',
  description: 'Ends every other session.',
  body: Disable,
  returns: { 204: null },
  fails: ['reauthentication_required', 'wrong_password', 'rate_limited', ...wrongFactors, 'two_factor_not_enabled'],
})

const renewRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/2fa/backup-codes',
  repeatable: true,
  credentials: true,
  tag,
  operationId: 'renewBackupCodes',
  summary: 'Get new backup codes',
  description: 'The old codes stop working.',
  body: FactorProof,
  returns: { 200: BackupCodes },
  fails: [...reauthentication, ...wrongFactors, 'two_factor_not_enabled'],
})

export const twoFactorRoutes = newRouter()
  .openapi(setUpRoute, async (c) => {
    const { deps, user } = c.var
    await requireOwner(deps, user, c.req.valid('json').password)
    const { email } = await getOwnProfile(deps, user)
    return c.json(await setUpTwoFactor(deps, user.userId, email), 200)
  })
  .openapi(enableRoute, async (c) => {
    const { password, ...factor } = c.req.valid('json')
    await requireOwner(c.var.deps, c.var.user, password)
    return c.json({ backup_codes: await enableTwoFactor(c.var.deps, c.var.user, factor) }, 200)
  })
  .openapi(verifyRoute, async (c) => {
    const { challenge_token, ...factor } = c.req.valid('json')
    return c.json(await completeLogin(c.var.deps, challenge_token, factor), 200)
  })
  .openapi(passkeyRoute, async (c) =>
    c.json(await beginPasskeyFactor(c.var.deps, c.req.valid('json').challenge_token), 200),
  )
  .openapi(disableRoute, async (c) => {
    const { password, ...factor } = c.req.valid('json')
    await requirePassword(c.var.deps, c.var.user, password)
    await disableTwoFactor(c.var.deps, c.var.user, factor)
    return c.body(null, 204)
  })
  .openapi(renewRoute, async (c) => {
    const { password, ...factor } = c.req.valid('json')
    await requireOwner(c.var.deps, c.var.user, password)
    return c.json({ backup_codes: await renewBackupCodes(c.var.deps, c.var.user, factor) }, 200)
  })
