import * as z from 'zod'
import { audited } from '../../audit/record.ts'
import type { ManagementDeps } from '../../deps.ts'
import { text } from '../../http/text-field.ts'
import { sha256Hex } from '../../lib/bytes.ts'
import { keyVersionKey } from '../../limits/limit-request.ts'
import { publishVersion } from '../../limits/versions.ts'
import { mailFor } from '../../mail/outbox.ts'
import { leakedKey } from '../../mail/templates/keys.ts'
import { render } from '../../mail/templates/render.tsx'
import { mayExist } from '../../verification/key-format.ts'
import { disableLeaked, type FoundKey, selectFoundKeys } from './queries.ts'

/**
 * A report as GitHub's secret scanning sends it: one find per element, possibly several of one key. Fields beside the
 * token that cannot be stored are dropped, because no malformed field may keep a leaked key alive.
 */
export const LeakReport = z.array(
  z.object({
    token: z.string(),
    type: z.string(),
    url: text(4_000).nullish().catch(undefined),
    source: text(200).nullish().catch(undefined),
  }),
)

type Find = z.output<typeof LeakReport>[number]

/** The feedback to the scanner for each find. It names a key by its hash: no answer repeats a key. */
interface Feedback {
  readonly token_hash: string
  readonly token_type: string
  readonly label: 'true_positive' | 'false_positive'
}

/** The places named in email and log. */
const MAX_PLACES = 5

/**
 * Disables the leaked keys, everywhere within 2 s, and notifies the owners of their organizations. Once per key,
 * however often it is reported. A revoked key is not changed.
 */
export async function processLeakReport(deps: ManagementDeps, finds: readonly Find[]): Promise<Feedback[]> {
  const hashed = finds.map((find) => ({ ...find, hash: sha256Hex(find.token) }))
  const possible = hashed.filter(({ token }) => mayExist(token, deps.config.IMPORTED_KEYS))
  const hashes = [...new Set(possible.map(({ hash }) => hash))]
  const keys = hashes.length === 0 ? [] : await selectFoundKeys(deps.db, hashes)
  const byHash = Map.groupBy(hashed, ({ hash }) => hash)
  for (const key of keys) await disable(deps, key, byHash.get(key.hash) ?? [])
  const found = new Set(keys.map(({ hash }) => hash))
  return hashed.map(({ hash, type }) => ({
    token_hash: hash,
    token_type: type,
    label: found.has(hash) ? 'true_positive' : 'false_positive',
  }))
}

async function disable(deps: ManagementDeps, key: FoundKey, finds: readonly Find[]): Promise<void> {
  const now = deps.now()
  const at = new Date(now)
  const places = [...new Set(finds.flatMap(({ url }) => listWebAddresses(url)))].slice(0, MAX_PLACES)
  const row = audited(deps, {
    action: 'key.leaked',
    actor: undefined, // a scanner's report has no signed-in actor
    organizationId: key.organizationId,
    target: { type: 'key', id: key.id },
    detail: { places, sources: [...new Set(finds.flatMap(({ source }) => source ?? []))].slice(0, MAX_PLACES) },
  })
  const mails = mailsAbout(deps, key, places, now)
  const version = await disableLeaked(deps.db, key, at, { row, mails: mails.map(({ insert }) => insert) })
  // a repeat publishes as well: the first may have failed after it was committed
  await publishVersion(deps, keyVersionKey(key.id), version ?? key.version)
  if (version === undefined) return
  for (const mail of mails) mail.send()
}

/** Only web addresses are repeated. Other links in a report could be harmful to click. */
function listWebAddresses(url: string | null | undefined): string[] {
  const parsed = url ? URL.parse(url) : null
  return parsed && /^https?:$/.test(parsed.protocol) ? [parsed.href] : []
}

function mailsAbout(deps: ManagementDeps, key: FoundKey, places: readonly string[], at: number) {
  const service = deps.config.SERVICE_NAME
  return key.owners.map(({ email, name }) =>
    mailFor(
      deps,
      render(service, email, leakedKey({ service, name, organization: key.organization, key, places, at })),
    ),
  )
}
