import { directly } from './direct.ts'

/** Makes somebody's sign-ins 16 minutes old, so that what needs a fresh one asks for their password. */
export const makeStale = (userId: string) =>
  directly().sql.query(`update sessions set created_at = now() - interval '16 minutes' where user_id = $1`, [userId])
