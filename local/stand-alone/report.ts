/** Reports to a person what is wrong with the environment of `npm start`. Nothing here quotes a value. */
import { reportConfig } from '../../src/config-report.ts'
import { findUnread } from './notices.ts'
import { type Fault, OF_START, OF_STORES, readSettings, withAnyStores } from './settings.ts'

type Report = ReturnType<typeof reportConfig>

interface StartReport extends Report {
  /** What `npm start` refuses besides the Worker's own settings. */
  readonly refused: readonly Fault[]
}

/** Whether an environment is for `npm start`, not for a deployment to Cloudflare, which calls Redis over HTTP. */
export const isForStart = (env: NodeJS.ProcessEnv): boolean =>
  !env.UPSTASH_REDIS_REST_URL && Boolean(env.REDIS_URL || env.REDIS_SHARD_URLS)

/** The checks of a start, and those of features that the start runs without. */
export function reportStart(env: NodeJS.ProcessEnv): StartReport {
  const settings = readSettings(env)
  const report = reportConfig(withAnyStores(pickOthers(env)), [...OF_START])
  const told = new Set(report.faults.map(({ variable }) => variable))
  const refused = 'faults' in settings ? settings.faults.filter(({ variable }) => !told.has(variable)) : []
  return { ...report, notices: [...report.notices, ...findUnread(env)], refused }
}

/** Variables that are not about stores or the start. Misspelled names stay, to be noticed; an empty variable counts as unset. */
function pickOthers(env: NodeJS.ProcessEnv): Record<string, string> {
  const isOther = (name: string) => !OF_STORES.has(name) && !OF_START.has(name) && name !== 'POSTGRES_URL'
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value?.trim() && isOther(name) ? [[name, value]] : [])),
  )
}
