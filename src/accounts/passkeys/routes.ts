import * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { reauthentication } from '../../api/reauthentication.ts'
import { uuid } from '../../http/fields.ts'
import { requireOwner } from '../passwords/reauthenticate.ts'
import { Tokens } from '../schemas.ts'
import { addPasskey, beginPasskey, listOwnPasskeys, removePasskey, renamePasskey } from './own.ts'
import {
  Begin,
  CreationOptions,
  NewPasskey,
  Passkey,
  PasskeyChange,
  PasskeySignIn,
  Passkeys,
  Removal,
  RequestOptions,
} from './schemas.ts'
import { beginPasskeySignIn, beginProof, reauthenticate, signInWithPasskey } from './sign-in.ts'

const tag = 'Passkeys'

const one = z.strictObject({ id: uuid })

const beginSignInRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/passkeys/sign-in/begin',
  tag,
  operationId: 'beginPasskeySignIn',
  summary: 'Begin to sign in with a passkey',
  description: 'Returns the options for `navigator.credentials.get`. They are valid once, for five minutes.',
  returns: { 200: RequestOptions },
  fails: ['rate_limited'],
})

const signInRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/passkeys/sign-in',
  tag,
  operationId: 'signInWithPasskey',
  summary: 'Sign in with a passkey',
  description: 'No second factor is required: a passkey counts as two factors.',
  body: PasskeySignIn,
  returns: { 200: Tokens },
  fails: ['invalid_passkey', 'invalid_credentials', 'rate_limited'],
})

const proveRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/passkeys/prove',
  tag,
  operationId: 'beginPasskeyProof',
  summary: 'Begin to confirm my identity with a passkey',
  description: `Returns the options for \`navigator.credentials.get\`. Its result is valid once, for five minutes: for \`reauthenticate\`,
or as \`passkey\` wherever a code of the second factor is accepted.`,
  credentials: true,
  returns: { 200: RequestOptions },
})

const reauthenticateRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/passkeys/reauthenticate',
  tag,
  operationId: 'reauthenticateWithPasskey',
  summary: 'Reauthenticate my session with a passkey',
  description: 'Afterwards the session counts as signed in now, wherever a sign-in of the last 15 minutes is required.',
  credentials: true,
  body: PasskeySignIn,
  returns: { 204: null },
  fails: ['invalid_passkey'],
})

const listRoute = apiRoute({
  allow: 'user',
  method: 'get',
  path: '/auth/passkeys',
  tag,
  operationId: 'listPasskeys',
  summary: 'List my passkeys',
  description: 'The newest first.',
  returns: { 200: Passkeys },
})

const beginRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/passkeys/begin',
  tag,
  operationId: 'beginPasskey',
  summary: 'Begin to add a passkey',
  description: 'Returns the options for `navigator.credentials.create`. They are valid once, for five minutes.',
  credentials: true,
  optionalBody: Begin,
  returns: { 200: CreationOptions },
  fails: [...reauthentication],
})

const addRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/passkeys',
  tag,
  operationId: 'addPasskey',
  summary: 'Add a passkey',
  description: 'Accepts the response to the options from `begin`. From then on, the passkey can sign in.',
  repeatable: true,
  credentials: true,
  body: NewPasskey,
  returns: { 201: Passkey },
  fails: [...reauthentication, 'invalid_passkey', 'passkey_known', 'passkey_limit_reached'],
})

const renameRoute = apiRoute({
  allow: 'user',
  method: 'patch',
  path: '/auth/passkeys/{id}',
  tag,
  operationId: 'renamePasskey',
  summary: 'Rename a passkey',
  credentials: true,
  params: one,
  body: PasskeyChange,
  returns: { 200: Passkey },
  fails: ['not_found'],
})

const removeRoute = apiRoute({
  allow: 'user',
  method: 'delete',
  path: '/auth/passkeys/{id}',
  tag,
  operationId: 'removePasskey',
  summary: 'Remove a passkey',
  description: 'Ends every other session.',
  credentials: true,
  params: one,
  optionalBody: Removal,
  returns: { 204: null },
  fails: [...reauthentication, 'not_found', 'last_way_in', 'passkey_is_second_factor'],
})

export const passkeyRoutes = newRouter()
  .openapi(beginSignInRoute, async (c) => c.json(await beginPasskeySignIn(c.var.deps), 200))
  .openapi(signInRoute, async (c) => c.json(await signInWithPasskey(c.var.deps, c.req.valid('json').passkey), 200))
  .openapi(proveRoute, async (c) => c.json(await beginProof(c.var.deps, c.var.user), 200))
  .openapi(reauthenticateRoute, async (c) => {
    await reauthenticate(c.var.deps, c.var.user, c.req.valid('json').passkey)
    return c.body(null, 204)
  })
  .openapi(listRoute, async (c) => c.json({ data: await listOwnPasskeys(c.var.deps, c.var.user) }, 200))
  .openapi(beginRoute, async (c) => {
    await requireOwner(c.var.deps, c.var.user, c.req.valid('json').password)
    return c.json(await beginPasskey(c.var.deps, c.var.user), 200)
  })
  .openapi(addRoute, async (c) => {
    const request = c.req.valid('json')
    await requireOwner(c.var.deps, c.var.user, request.password)
    return c.json(await addPasskey(c.var.deps, c.var.user, request), 201)
  })
  .openapi(renameRoute, async (c) => {
    const { name } = c.req.valid('json')
    return c.json(await renamePasskey(c.var.deps, c.var.user, c.req.valid('param').id, name), 200)
  })
  .openapi(removeRoute, async (c) => {
    await requireOwner(c.var.deps, c.var.user, c.req.valid('json').password)
    await removePasskey(c.var.deps, c.var.user, c.req.valid('param').id)
    return c.body(null, 204)
  })
