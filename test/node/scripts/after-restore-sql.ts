/** What may have happened between a backup and the restore to it, as SQL. */

export interface Case {
  readonly name: string
  /** In both databases. */
  readonly before: readonly string[]
  /** Only in the former one, after the moment. */
  readonly since: readonly string[]
  /** The query to the restored one, and its result. */
  readonly asked: string
  readonly is: string | null
  /** In the restored one once it is in use, and the result after everything was carried over again. */
  readonly after?: readonly string[]
  readonly later?: string
}

export const PAST = `now() - interval '2 hours'`
export const SINCE = `now() - interval '10 minutes'`

export const id = (kind: number, place: number) =>
  `01890000-0000-7000-8000-0000000${String(kind).padStart(2, '0')}${String(place).padStart(3, '0')}`
const user = (place: number) => `'${id(1, place)}'`
export const organization = (place: number) => `'${id(2, place)}'`
export const row = (place: number) => `'${id(3, place)}'`
export const ADA = user(1)
export const BOB = user(2)
export const CAROL = user(3)
export const DAVE = user(4)
export const EVE = user(5)
export const FAY = user(6)
export const GUS = user(7)
export const ACME = organization(1)
export const GONE = organization(2)
export const SOLO = organization(3)
export const TAKEN = organization(4)

export const BASE: readonly string[] = [
  `insert into plans (id, name, limits, features, created_at, updated_at) values ('tiny', 'Tiny', '{}', '{}', ${PAST}, ${PAST})`,
  ...[ADA, BOB, CAROL, DAVE, EVE, FAY, GUS].map(
    (one, place) =>
      `insert into users (id, email, created_at, updated_at) values (${one}, 'person-${place}@example.com', ${PAST}, ${PAST})`,
  ),
  ...[ACME, GONE, SOLO, TAKEN].map(
    (one, place) =>
      `insert into organizations (id, name, slug, plan_id, is_personal, created_at, updated_at)
       values (${one}, 'Some', 'some-${place}', 'tiny', ${one === SOLO}, ${PAST}, ${PAST})`,
  ),
  ...[
    [ACME, ADA],
    [SOLO, CAROL],
    [TAKEN, GUS],
  ].map(
    ([one, owner]) =>
      `insert into memberships (organization_id, user_id, role, created_at) values (${one}, ${owner}, 'owner', ${PAST})`,
  ),
]

let acts = 0
export const act = (action: string, target: string, { by = ADA, of = ACME, detail = '{}' } = {}) =>
  `insert into audit_logs (id, organization_id, actor_type, actor_id, action, target_id, result, detail, created_at)
   values ('${id(9, ++acts)}', ${of}, 'user', ${by}, '${action}', ${target}, 'success', '${detail}', ${SINCE})`

export const passkey = (one: string, of: string, at = PAST) =>
  `insert into passkeys (id, user_id, rp_id, credential_id, public_key, counter, transports, name, is_synced, created_at)
   values (${one}, ${of}, 'example.com', decode(replace(${one}, '-', ''), 'hex'), '', 5, '[]', 'Phone', false, ${at})`
export const identity = (one: string, of: string, at = PAST) =>
  `insert into identities (id, user_id, provider, issuer, subject, created_at) values (${one}, ${of}, 'google', 'https://i.test', ${one}, ${at})`
export const member = (of: string, one: string, role = 'member') =>
  `insert into memberships (organization_id, user_id, role, created_at) values (${of}, ${one}, '${role}', ${PAST})`
export const route = (one: string, slug: string, at = PAST) =>
  `insert into gateway_routes (id, slug, match_path_prefix, upstream, strip_prefix, add_headers, timeout_ms, scopes, cost, limits, meter,
     public_paths, is_enabled, created_at, updated_at)
   values (${one}, '${slug}', '/${slug}', 'https://u.test', true, '{}', 1000, '{}', 1, '{}', '{}', '{}', true, ${PAST}, ${at})`
export const price = (one: string, model: string, at = PAST) =>
  `insert into model_prices (id, provider, model, kind, usd_per_million, valid_from, created_at) values (${one}, '*', '${model}', 'input', 1, ${PAST}, ${at})`
export const key = (one: string, of: string, client = 'null') =>
  `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment, scopes, client_id, created_at, updated_at)
   values (${one}, ${of}, 'Key', decode(replace(${one}, '-', ''), 'hex'), 'tg', 'h', 'live', '{reports:read,reports:write}', ${client}, ${PAST}, ${PAST})`
export const count = (table: string, where: string) => `select count(*) from ${table} where ${where}`
