import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../../db/orm.ts'
import { organizations } from '../../../db/schema/organizations.ts'

interface Domain {
  readonly domain: string
  readonly verified_at: string | null
  readonly checked_at: string | null
  readonly join_role: 'member' | 'viewer' | null
}

interface SingleSignOn {
  readonly issuer: string
  readonly join_role: 'member' | 'viewer' | null
  readonly is_required: boolean
  readonly last_used_at: string | null
}

interface Directory {
  readonly default_role: 'member' | 'viewer'
  readonly has_token: boolean
  readonly people: number
  readonly groups: number
  readonly last_used_at: string | null
}

/** One statement, so that everything is from one snapshot. Times are JSON strings. */
export async function findSignIn(db: Database, organizationId: string) {
  const [row] = await db
    .select({
      requiresTwoFactor: organizations.requiresTwoFactor,
      domains: sql<
        Domain[]
      >`(select coalesce(json_agg(json_build_object('domain', d.domain, 'verified_at', d.verified_at,
          'checked_at', d.checked_at, 'join_role', d.join_role) order by d.domain), '[]'::json)
        from organization_domains d where d.organization_id = organizations.id)`,
      singleSignOn: sql<SingleSignOn | null>`(select json_build_object('issuer', c.issuer, 'join_role', c.join_role,
          'is_required', c.is_required, 'last_used_at', c.last_used_at)
        from sso_connections c where c.organization_id = organizations.id)`,
      directory: sql<Directory | null>`(select json_build_object('default_role', d.default_role,
          'has_token', d.token_hash is not null, 'last_used_at', d.last_used_at,
          'people', (select count(*) from directory_users u join memberships m
            on m.organization_id = u.organization_id and m.user_id = u.user_id where u.organization_id = d.organization_id),
          'groups', (select count(*) from directory_groups g where g.organization_id = d.organization_id))
        from directories d where d.organization_id = organizations.id)`,
      applications: sql<number>`(select count(*)::int from oauth_grants g
        join api_keys k on k.id = g.id and k.organization_id = g.organization_id
        where g.organization_id = organizations.id and k.revoked_at is null and k.is_active and g.expires_at > now())`,
    })
    .from(organizations)
    .where(eq(organizations.id, organizationId))
  return row
}
