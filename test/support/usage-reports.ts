import { inject } from 'vitest'
import { directly } from './direct.ts'
import { call, newKeyHolder } from './http.ts'

export const USAGE = 'POST /api/v1/usage'
/** An unused id. */
export const UNKNOWN = '01900000-0000-7000-8000-000000000000'

/** A user with a key whose usage is reported, and the stored result. */
export async function newReporter() {
  const { service_key } = inject('credentials')
  const holder = await newKeyHolder()
  const { keyId, organizationId } = holder
  return {
    holder,
    report: (events: unknown, token = service_key) => call(USAGE, { token, body: { events } }),
    /** An event of the key that nobody has reported yet. */
    fresh: () => ({ id: crypto.randomUUID(), key_id: keyId }),
    /** An event as it is stored. */
    async stored(id: string) {
      const query = 'select * from usage_events where organization_id = $1 and id = $2'
      return (await directly().sql.query(query, [organizationId, id]))[0]
    },
  }
}

export const ago = (ms: number) => new Date(Date.now() - ms).toISOString()
