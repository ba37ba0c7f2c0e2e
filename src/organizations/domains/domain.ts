import type * as z from 'zod'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { type DomainRef, type DomainRow, findDomain } from './queries.ts'
import type { Domain } from './schemas.ts'

/** The name whose TXT records prove a domain: an underscore name cannot be a host name (RFC 8552). */
export const challengeName = (domain: string) => `_tollgate-challenge.${domain}`

export const challengeValue = (token: string) => `tollgate-domain-verification=${token}`

/** Whether the texts at a domain's challenge name prove its ownership. */
export const isProven = ({ token }: Pick<DomainRow, 'token'>, texts: readonly string[]) =>
  texts.some((text) => text.trim() === challengeValue(token))

/** Serializes a domain. */
export function toDomain(row: DomainRow): z.output<typeof Domain> {
  return {
    id: row.id,
    domain: row.domain,
    join_role: row.joinRole,
    record: { type: 'TXT', name: challengeName(row.domain), value: challengeValue(row.token) },
    verified_at: row.verifiedAt?.toISOString() ?? null,
    checked_at: row.checkedAt?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
  }
}

/** @throws Problem `domain_not_found` */
export async function getDomain(deps: ManagementDeps, ref: DomainRef): Promise<DomainRow> {
  const row = await findDomain(deps.db, ref)
  if (!row) throw new Problem('domain_not_found')
  return row
}
