import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { oauthClients } from '../../db/schema/oauth.ts'
import { UUID } from '../../lib/uuid.ts'

export type ClientRow = typeof oauthClients.$inferSelect

const ADDRESS = /^https?:\/\/[!-~]{1,2000}$/

/** The id that applications and resource servers use: the application's id, or the address of its document. */
export const presentedId = ({ id, metadataUrl }: Pick<ClientRow, 'id' | 'metadataUrl'>) => metadataUrl ?? id

export const insertClient = (db: Database, client: ClientRow) => db.insert(oauthClients).values(client)

/** @param id as it was presented, in any form */
export async function findClient(db: Database, id: string): Promise<ClientRow | undefined> {
  if (!UUID.test(id) && !ADDRESS.test(id)) return undefined
  const isIt = UUID.test(id) ? eq(oauthClients.id, id) : eq(oauthClients.metadataUrl, id)
  const [row] = await db.select().from(oauthClients).where(isIt)
  return row
}

/** Stores the current content of a document. An application that somebody consented to stays until its grants end. */
export async function upsertDescribed(db: Database, client: ClientRow): Promise<ClientRow> {
  const { id: _, createdAt: __, expiresAt, ...said } = client
  const [row] = await db
    .insert(oauthClients)
    .values(client)
    .onConflictDoUpdate({
      target: oauthClients.metadataUrl,
      set: {
        ...said,
        expiresAt: sql`case when ${oauthClients.expiresAt} is null then null else ${expiresAt?.toISOString() ?? null}::timestamptz end`,
      },
    })
    .returning()
  return row ?? client
}

export const keepClient = (db: Database, id: string) =>
  db.update(oauthClients).set({ expiresAt: null }).where(eq(oauthClients.id, id))
