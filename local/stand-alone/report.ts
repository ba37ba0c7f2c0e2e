/** What is wrong with the environment of `npm start`, for a person. Nothing here quotes a value. */
import { reportConfig } from '../../src/config-report.ts'
import { type Fault, OF_START, OF_STORES, readSettings, withAnyStores } from './settings.ts'

type Report = ReturnType<typeof reportConfig>

interface StartReport extends Report {
  /** What `npm start` refuses beside the Worker's own settings. */
  readonly refused: readonly Fault[]
}

/** Whether an environment is for `npm start` and not for a deployment to Cloudflare, which asks Redis over HTTP. */
export const isForStart = (env: NodeJS.ProcessEnv): boolean =>
  !env.UPSTASH_REDIS_REST_URL && Boolean(env.REDIS_URL || env.REDIS_SHARD_URLS)

/** The same checks as a start makes, and those of the features that it does without. */
export function reportStart(env: NodeJS.ProcessEnv): StartReport {
  const settings = readSettings(env)
  const report = reportConfig(withAnyStores(pickOthers(env)))
  const told = new Set(report.faults.map(({ variable }) => variable))
  const refused = 'faults' in settings ? settings.faults.filter(({ variable }) => !told.has(variable)) : []
  return { ...report, refused }
}

/** What is not about stores or the start. A misspelled name stays, so that it is noticed; an empty variable counts as unset. */
function pickOthers(env: NodeJS.ProcessEnv): Record<string, string> {
  const isOther = (name: string) => !OF_STORES.has(name) && !OF_START.has(name) && name !== 'POSTGRES_URL'
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value?.trim() && isOther(name) ? [[name, value]] : [])),
  )
}
