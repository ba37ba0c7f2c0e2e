import type { Redis } from '@upstash/redis'
import { parseQuota } from '../../local/support/quota-text.ts'
import { QUOTA_FUNCTIONS } from '../../src/limits/scripts/quota.ts'

type Store = Pick<Redis, 'get' | 'eval'>

/** The fields of a quota as Redis has it. */
export const readQuota = async (redis: Store, key: string) => parseQuota(await redis.get<string>(key))

const ADD = `${QUOTA_FUNCTIONS}
local state = readQuota(KEYS[1])
set(state, ARGV[1], (state[ARGV[1]] or 0) + tonumber(ARGV[2]))
saveQuota(KEYS[1], state)`

/** Makes a counter wrong, as nothing in Tollgate does. */
export const addToQuota = (redis: Store, key: string, field: string, units: number) =>
  redis.eval(ADD, [key], [field, String(units)])
