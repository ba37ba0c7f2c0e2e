/**
 * Which version a rollback goes to. Not the previous deployment, as with `wrangler rollback`: a change of a secret deploys the
 * code that is there again, so the previous deployment may have the same wrong code.
 */
import { listDeployments, share, type Version, viewVersion, type Wrangler } from './wrangler.ts'

interface Target {
  /** The version that is wrong. */
  readonly from: Version
  readonly to: Version
  /** How many changes of secrets are newer than the version to go back to, which has the secrets of its time. */
  readonly secretChanges: number
}

/** A newer version lost its requests already, to the present one. */
interface Done {
  readonly present: Version
  readonly left: Version
}

/**
 * Only an older version is gone back to: a second rollback must not return to what the first one left, nor leave the version that
 * the first one went to.
 *
 * @throws Error if none of the last ten deployments has older, other code
 */
export async function findTarget(wrangler: Wrangler): Promise<Target | Done> {
  const [present = [], ...before] = await listDeployments(wrangler)
  const shared = await Promise.all(present.map((id) => viewVersion(wrangler, id)))
  const from = shared.toSorted((one, other) => other.createdAt.localeCompare(one.createdAt))[0]
  if (!from) throw new Error('Nothing is deployed.')
  const newer = new Map([[from.id, from]])
  for (const id of [...shared.map((one) => one.id), ...before.flat()]) {
    const version = newer.get(id) ?? (await viewVersion(wrangler, id))
    if (version.code !== from.code) {
      if (version.createdAt > from.createdAt) return { present: from, left: version }
      const changes = [...newer.values()].filter((one) => one.changesSecret && one.createdAt > version.createdAt)
      return { from, to: version, secretChanges: changes.length }
    }
    newer.set(id, version)
  }
  throw new Error('None of the last ten deployments has other, older code: roll out the right one from its checkout.')
}

/**
 * Sends all requests to the last version with other code.
 *
 * @throws Error if that would bring back secrets that were changed since, unless it is allowed
 */
export async function rollBack(wrangler: Wrangler, isWithOldSecrets: boolean): Promise<Target | Done> {
  const target = await findTarget(wrangler)
  if ('left' in target) return target
  const { from, to, secretChanges } = target
  if (secretChanges > 0 && !isWithOldSecrets)
    throw new Error(
      `${to.id} has the secrets of its time: ${secretChanges} changed since. Roll out its code from its checkout, which keeps today's secrets, or bring the old ones back: --back --with-old-secrets`,
    )
  await share(wrangler, to.id, 100, from.id)
  return target
}
