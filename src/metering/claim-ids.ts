/**
 * Ids that must be used only once: `usage_dedupe`, in partitions of a generation of 12 days each, which are dropped whole
 * (docs/internals/decisions/0011-ids-by-generation.md).
 */

/**
 * The generations in which an id is claimed. There are two only around a change: a statement that began in the previous one may
 * still be running, and claims its ids there. No statement runs longer than the overlap.
 */
export const GENERATIONS = `select distinct usage_dedupe_generation(moment) as generation
  from (values (now()), (now() - interval '10 minutes')) as claimed(moment)`

/** SQL of the hash in claims of corrections. A restore skips these claims, because it does not copy the corrections either. */
export const CORRECTION_HASH = `sha256('correction')`

/**
 * CTEs of a statement that claims ids. `name` contains the ids that were never used before, by `organization_id` and `key`.
 * The statement waits for the same id in flight elsewhere.
 *
 * @param rows SQL of ids: organization, key, hash of the payload, and event time. No id twice
 */
export const claimIds = (name: string, rows: string) => `generations as materialized (
  ${GENERATIONS}
), claims as (
  insert into usage_dedupe (organization_id, key, payload_hash, occurred_at, generation)
  select id.*, g.generation from (${rows}) as id(organization_id, key, payload_hash, occurred_at) cross join generations g
    left join lateral (${selectId('id.organization_id', 'id.key')}) as known on true
  where known.generation is null order by 1, 2, 5
  on conflict do nothing
  returning organization_id, key
), ${name} as (
  select organization_id, key from claims group by 1, 2 having count(*) = (select count(*) from generations)
)`

/** SQL of the first claim of an id. Its limit keeps Postgres from reading whole partitions instead of their indexes. */
export const selectId = (organizationId: string, key: string) =>
  `select d.* from usage_dedupe d where d.organization_id = ${organizationId} and d.key = ${key} order by d.generation limit 1`

/** Rechecks events (`$1`) whose ids another batch claimed while their own batch was written: its claims are visible now. */
export const RECHECK = `
select coalesce(jsonb_agg(jsonb_build_array(position - 1, case
  when d.payload_hash = coalesce(decode(body ->> 'payload_hash', 'hex'), sha256(convert_to(body::text, 'UTF8')))
  then 'duplicate' else 'conflict' end)), '[]') as others
from jsonb_array_elements($1::jsonb) with ordinality as item(body, position)
cross join lateral (${selectId(
  `(body ->> 'organization_id')::uuid`,
  `sha256(convert_to(coalesce((body ->> 'source') || ' ', '') || (body ->> 'id'), 'UTF8'))`,
)}) as d`
