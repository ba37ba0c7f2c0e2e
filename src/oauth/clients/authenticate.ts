import type { ManagementDeps } from '../../deps.ts'
import { equalBytes, sha256 } from '../../lib/bytes.ts'
import { OAuthError } from '../error.ts'
import { type ClientRow, findClient } from './queries.ts'

/** How an application presents itself at the token endpoint (RFC 6749 §2.3). */
export interface Presented {
  readonly authorization: string | undefined
  readonly form: Readonly<Record<string, string>>
}

/** The presented id and secret, and where they were. @throws OAuthError `invalid_client` if two of them contradict each other */
export function readPresented({ authorization, form }: Presented) {
  const basic = readBasic(authorization)
  const { client_id: id = basic?.id, client_secret: posted } = form
  if (basic && (id !== basic.id || posted !== undefined))
    throw new OAuthError('invalid_client', 'The header and the body name different applications, or both a secret.')
  return { id, secret: basic?.secret ?? posted, inHeader: basic?.secret, inBody: posted }
}

/**
 * @param find by the presented id
 * @throws OAuthError `invalid_client`
 */
export async function authenticateClient(
  deps: ManagementDeps,
  presented: Presented,
  find: (deps: ManagementDeps, id: string) => Promise<ClientRow | undefined> = findKnown,
): Promise<ClientRow> {
  const { id, inHeader, inBody } = readPresented(presented)
  const client = id === undefined ? undefined : await find(deps, id)
  if (!client) throw new OAuthError('invalid_client', 'There is no such application.')
  if (!isAuthenticated(client, inHeader, inBody))
    throw new OAuthError('invalid_client', `The application authenticates by ${client.authMethod}; this did not.`)
  return client
}

/** Does not fetch a document: if there is something to exchange, it was fetched before. */
const findKnown = ({ db }: ManagementDeps, id: string) => findClient(db, id)

/** A public application presents no secret. */
function isAuthenticated(
  { authMethod, secretHash }: ClientRow,
  inHeader: string | undefined,
  inBody: string | undefined,
): boolean {
  if (secretHash === null) return inHeader === undefined && inBody === undefined
  const secret = authMethod === 'client_secret_basic' ? inHeader : inBody
  return secret !== undefined && equalBytes(sha256(secret), secretHash)
}

/** @throws OAuthError `invalid_client` if the header is not a Basic one (RFC 7617) */
function readBasic(authorization: string | undefined) {
  if (authorization === undefined) return undefined
  const [, encoded = ''] = /^Basic +([\w+/=-]{1,2000})$/i.exec(authorization) ?? []
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0)),
    )
    const at = text.indexOf(':')
    if (at > 0) return { id: decodeForm(text.slice(0, at)), secret: decodeForm(text.slice(at + 1)) }
  } catch {
    // refused below
  }
  throw new OAuthError('invalid_client', 'The Authorization header is not understood.')
}

/** RFC 6749 §2.3.1: both parts are form-encoded. */
const decodeForm = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
