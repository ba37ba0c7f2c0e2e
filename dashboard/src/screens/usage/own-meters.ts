import { useRead } from '../../api/hooks.ts'
import { type OwnMeters, readOwnMeters } from './meters.ts'

const NONE: OwnMeters = {}

/** The meters that the operator defined: the quotas of every organization list all of them. */
export function useOwnMeters(): OwnMeters {
  const { data } = useRead('GET /quotas')
  return data ? readOwnMeters(data) : NONE
}

/** The same for the operator, who may have no organization. */
export function useMetersOfAll(): OwnMeters {
  const { data } = useRead('GET /admin/meters')
  const own = data?.data.filter(({ is_builtin }) => !is_builtin) ?? []
  return Object.fromEntries(own.map(({ slug, name, unit, kind }) => [slug, { name, unit, kind }]))
}
