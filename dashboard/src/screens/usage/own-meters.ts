import { useRead } from '../../api/hooks.ts'
import { type OwnMeters, readOwnMeters } from './meters.ts'

const NONE: OwnMeters = {}

/** The meters that the operator defined: the quotas of every organization list all of them. */
export function useOwnMeters(): OwnMeters {
  const { data } = useRead('GET /quotas')
  return data ? readOwnMeters(data) : NONE
}
