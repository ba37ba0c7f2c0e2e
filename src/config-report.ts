/** What is wrong with an environment, for a person: every setting by name, with its reason, and what it stops. */
import type * as z from 'zod'
import { Env, readConfig, SETTINGS } from './config.ts'
import { ALIAS_NAMES, findIgnoredAliases, givenName, withAliases, withSecretKeys } from './config-aliases.ts'
import { type ConfigNotice, findNotices } from './config-checks.ts'
import { findFeature } from './config-features.ts'
import { isMissing } from './config-issues.ts'
import { findMisspelled } from './config-names.ts'
import { Problem } from './problems.ts'

export interface SettingFault {
  /** The name under which the environment gives it. */
  readonly variable: string
  /** A sentence without its subject, and never a value. */
  readonly reason: string
  /** `everything`: verification needs it. `management`: everything but verification. Else one feature. */
  readonly stops: ReturnType<typeof findFeature>
}

interface Report {
  readonly faults: readonly SettingFault[]
  /** What works, but probably not as intended. Where something stops everything, only names that nothing reads. */
  readonly notices: readonly ConfigNotice[]
}

/**
 * The same checks as a deployment makes when its first request comes.
 *
 * @param others names that something else reads from the same environment
 */
export function reportConfig(given: object, others: readonly string[] = []): Report {
  const env = withSecretKeys(withAliases(given))
  const result = Env.safeParse(env)
  const malformed = (result.success ? [] : result.error.issues).map((issue) => toFault(issue, given, env))
  const stopping = unique(malformed.filter(({ stops }) => stops === 'everything'))
  const names = [...Object.keys(SETTINGS), ...ALIAS_NAMES, ...others]
  try {
    const config = readConfig({ ...given })
    const reasons = new Map(malformed.map(({ variable, reason }) => [variable, reason]))
    const faults = config.faults.map(({ feature, variable, reason }) => {
      return { variable, reason: reasons.get(variable) ?? reason, stops: feature }
    })
    return { faults, notices: [...findNotices(config, given, names), ...findIgnoredAliases(given)] }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { faults: unique([...stopping, ...malformed]), notices: findMisspelled(given, names) }
  }
}

function toFault(issue: z.core.$ZodIssue, given: object, env: object): SettingFault {
  const name = String(issue.path[0])
  return {
    variable: givenName(given, name),
    reason: isMissing(issue, env) ? 'is missing' : `is wrong: ${issue.message}`,
    stops: findFeature(name),
  }
}

/** One reason for each setting is enough. */
const unique = (faults: readonly SettingFault[]) => [
  ...new Map(faults.map((fault) => [fault.variable, fault])).values(),
]
