import { eq, inArray } from 'drizzle-orm'
import { auditLogs } from '../../src/db/schema/audit.ts'
import { apiKeys } from '../../src/db/schema/keys.ts'
import { memberships, organizations } from '../../src/db/schema/organizations.ts'
import { users } from '../../src/db/schema/users.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import type { Filling } from './fill.ts'
import { DEMO_DAYS } from './traffic.ts'

const DAY_MS = 24 * 3_600_000
/** How many days pass between two sign-ins of a person. */
const SIGN_INS_EVERY = 3

/** Backdates what was just created to before its usage, and adds sign-ins of people in between. */
export async function backdate({ db, deps, organizationId }: Filling): Promise<void> {
  const createdAt = new Date(deps.now() - (DEMO_DAYS + 1) * DAY_MS)
  const members = await db.select().from(memberships).where(eq(memberships.organizationId, organizationId))
  const ids = members.map(({ userId }) => userId)
  await db.batch([
    db.update(organizations).set({ createdAt }).where(eq(organizations.id, organizationId)),
    db.update(apiKeys).set({ createdAt }).where(eq(apiKeys.organizationId, organizationId)),
    db.update(memberships).set({ createdAt }).where(eq(memberships.organizationId, organizationId)),
    db.update(users).set({ createdAt }).where(inArray(users.id, ids)),
    db.insert(auditLogs).values(ids.flatMap((id, place) => signIns(id, place, { organizationId, now: deps.now() }))),
  ])
}

function signIns(actorId: string, place: number, { organizationId, now }: { organizationId: string; now: number }) {
  const days = Array.from(
    { length: Math.floor(DEMO_DAYS / SIGN_INS_EVERY) },
    (_, at) => at * SIGN_INS_EVERY + place + 1,
  )
  return days.map((ago) => {
    const at = now - ago * DAY_MS
    return {
      id: uuidv7(at),
      organizationId,
      actorType: 'user' as const,
      actorId,
      action: 'login.succeeded',
      targetType: 'user',
      targetId: actorId,
      result: 'success' as const,
      ip: `203.0.113.${10 + place}`,
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      detail: { factors: ['password'] },
      createdAt: new Date(at),
    }
  })
}
