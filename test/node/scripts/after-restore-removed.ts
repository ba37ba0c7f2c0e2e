import {
  ACME,
  act,
  BOB,
  CAROL,
  type Case,
  count,
  DAVE,
  EVE,
  FAY,
  GONE,
  GUS,
  id,
  identity,
  key,
  member,
  PAST,
  passkey,
  price,
  route,
  row,
  SINCE,
  SOLO,
  TAKEN,
} from './after-restore-sql.ts'

/** @param kept what else is removed the same way, but was destroyed: no audit row records it */
const removed = (
  name: string,
  table: string,
  insert: (one: string) => string,
  { action, place }: { action: string; place: number },
): Case => ({
  name,
  before: [insert(row(place)), insert(row(place + 1))],
  since: [`delete from ${table} where id in (${row(place)}, ${row(place + 1)})`, act(action, row(place))],
  asked: `select string_agg(id::text, ',') from ${table} where id in (${row(place)}, ${row(place + 1)})`,
  is: id(3, place + 1),
})

export const REMOVED: readonly Case[] = [
  removed('a removed passkey is gone', 'passkeys', (one) => passkey(one, BOB), {
    action: 'passkey.removed',
    place: 1,
  }),
  removed('an unlinked identity is gone', 'identities', (one) => identity(one, BOB), {
    action: 'identity.unlinked',
    place: 3,
  }),
  removed('a deleted price is gone', 'model_prices', (one) => price(one, one.slice(1, -1)), {
    action: 'admin.price_deleted',
    place: 5,
  }),
  removed('a deleted route is gone', 'gateway_routes', (one) => route(one, `r${one.slice(-4, -1)}`), {
    action: 'admin.route_deleted',
    place: 7,
  }),
  removed(
    'a deleted endpoint is gone',
    'webhook_endpoints',
    (one) =>
      `insert into webhook_endpoints (id, organization_id, url, secret, created_at, updated_at) values (${one}, ${ACME}, 'https://w.test', '', ${PAST}, ${PAST})`,
    { action: 'webhook_endpoint.deleted', place: 9 },
  ),
  removed(
    'a removed domain is gone',
    'organization_domains',
    (one) =>
      `insert into organization_domains (id, organization_id, domain, token, verified_at, checked_at, created_at) values (${one}, ${ACME}, ${one}, '', ${PAST}, ${PAST}, ${PAST})`,
    { action: 'domain.removed', place: 11 },
  ),
  {
    name: 'a domain that lapsed lets nobody in',
    before: [
      `insert into organization_domains (id, organization_id, domain, token, verified_at, checked_at, created_at) values (${row(13)}, ${ACME}, 'lapsed.test', '', ${PAST}, ${PAST}, ${PAST})`,
    ],
    since: [
      `update organization_domains set verified_at = null, checked_at = ${SINCE} where id = ${row(13)}`,
      `insert into organization_domains (id, organization_id, domain, token, verified_at, checked_at, created_at) values (${row(14)}, ${TAKEN}, 'lapsed.test', '', ${SINCE}, ${SINCE}, ${SINCE})`,
    ],
    asked: `select string_agg(organization_id::text, ',') from organization_domains where domain = 'lapsed.test' and verified_at is not null`,
    is: id(2, 4),
  },
  {
    name: 'removed members are no members, and do not come back by their domain',
    before: [member(ACME, BOB), member(ACME, DAVE)],
    since: [
      `delete from memberships where organization_id = ${ACME} and user_id in (${BOB}, ${DAVE})`,
      `insert into removed_members (organization_id, user_id, removed_at) values (${ACME}, ${BOB}, ${SINCE})`,
      act('member.removed', BOB),
    ],
    asked: `select (${count('memberships', `organization_id = ${ACME} and user_id = ${BOB}`)})::text
      || (${count('memberships', `organization_id = ${ACME} and user_id = ${DAVE}`)})::text || (${count('removed_members', `user_id = ${BOB}`)})::text`,
    is: '011',
    after: [`insert into memberships (organization_id, user_id, role) values (${ACME}, ${BOB}, 'viewer')`],
    later: '111',
  },
  {
    name: 'a member is what they were made, until they are made another',
    before: [member(ACME, EVE, 'admin')],
    since: [`update memberships set role = 'viewer' where user_id = ${EVE}`, act('member.role_changed', EVE)],
    asked: `select role from memberships where user_id = ${EVE} and organization_id = ${ACME}`,
    is: 'viewer',
    after: [
      `update memberships set role = 'member' where user_id = ${EVE}`,
      act('member.role_changed', EVE).replace(SINCE, 'now()'),
    ],
    later: 'member',
  },
  {
    name: 'a second factor that was switched off stays off, and backup codes that were replaced do not work',
    before: [
      `insert into totp_credentials (user_id, enabled_at, created_at) values (${BOB}, ${PAST}, ${PAST})`,
      `insert into backup_codes (id, user_id, code_hash) values (${row(20)}, ${BOB}, 'a'), (${row(21)}, ${EVE}, 'b')`,
    ],
    since: [
      `delete from totp_credentials where user_id = ${BOB}`,
      `delete from backup_codes where user_id in (${BOB}, ${EVE})`,
      act('two_factor.disabled', 'null', { by: BOB }),
    ],
    asked: `select (${count('totp_credentials', `user_id = ${BOB}`)})::text || (${count('backup_codes', `user_id = ${BOB}`)})::text || (${count('backup_codes', `user_id = ${EVE}`)})::text`,
    is: '001',
    after: [`insert into totp_credentials (user_id, enabled_at) values (${BOB}, now())`],
    later: '101',
  },
  {
    name: 'a stranger is out of an account that its owner proved',
    before: [
      passkey(row(22), GUS),
      identity(row(23), GUS),
      member(TAKEN, FAY, 'owner'),
      `insert into sso_connections (id, organization_id, issuer, client_id, client_secret_encrypted, created_at, updated_at) values (${row(24)}, ${TAKEN}, 'https://i.test', 'c', '', ${PAST}, ${PAST})`,
      `insert into directories (organization_id, default_role, created_at, updated_at) values (${TAKEN}, 'member', ${PAST}, ${PAST})`,
    ],
    since: [
      `delete from passkeys where id = ${row(22)}`,
      `delete from identities where id = ${row(23)}`,
      `delete from memberships where organization_id = ${TAKEN} and user_id = ${FAY}`,
      `delete from sso_connections where id = ${row(24)}`,
      `delete from directories where organization_id = ${TAKEN}`,
      act('password.reset', GUS, { by: GUS, of: TAKEN, detail: '{"cleared":true}' }),
    ],
    asked: `select concat((${count('passkeys', `user_id = ${GUS}`)}), (${count('identities', `user_id = ${GUS}`)}), (${count('memberships', `organization_id = ${TAKEN}`)}),
      (${count('sso_connections', `organization_id = ${TAKEN}`)}), (${count('directories', `organization_id = ${TAKEN}`)}))`,
    is: '00100',
  },
  {
    name: 'accounts and organizations that were deleted are, and their personal data goes',
    before: [key(row(30), GONE), key(row(31), SOLO)],
    since: [
      `delete from organizations where id in (${GONE}, ${SOLO})`,
      `delete from users where id = ${CAROL}`,
      act('organization.deleted', GONE),
      act('account.deleted', CAROL, { by: CAROL }),
    ],
    asked: `select concat((${count('api_keys', `id in (${row(30)}, ${row(31)})`)}), (${count('users', `id = ${CAROL}`)}), (${count('usage_erasures', `subject = ''`)}))`,
    is: '002',
  },
]
