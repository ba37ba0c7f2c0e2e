import { directly } from './direct.ts'
import { administrator, call, newKeyHolder } from './http.ts'

/** An organization with an owner, a key and an external id that needs escaping in a URL. */
export async function newCustomer() {
  const holder = await newKeyHolder()
  const externalId = `customer/${crypto.randomUUID()} ü`
  await directly().sql.query('update organizations set external_id = $2 where id = $1', [
    holder.organizationId,
    externalId,
  ])
  return { ...holder, externalId, encoded: encodeURIComponent(externalId) }
}

/** A service key with these scopes, as an administrator issues it. */
export async function newServiceKey(
  ...scopes: readonly string[]
): Promise<{ readonly id: string; readonly key: string }> {
  const token = await administrator()
  const { body } = await call('POST /api/v1/admin/service-keys', { token, body: { name: 'Back end', scopes } })
  return body
}

/** An organization without people, as a back end creates it. */
export async function newPeopleless(
  fields: object = {},
): Promise<{ readonly id: string; readonly externalId: string }> {
  const externalId = `customer-${crypto.randomUUID()}`
  const line = `PUT /api/v1/admin/organizations/by-external-id/${externalId}`
  const { body } = await call(line, { token: await administrator(), body: fields })
  return { id: body.id, externalId }
}
