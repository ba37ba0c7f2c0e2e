/** How a malformed setting is described. No description quotes a value. */
import type * as z from 'zod'
import { givenName } from './config-aliases.ts'

/**
 * Names every setting once, with the reason where it is one of ours.
 *
 * @param given the environment before aliases: the operator looks for the name that they gave
 */
export function describeIssues(issues: readonly z.core.$ZodIssue[], given: object): string {
  const described = issues.map((issue) => {
    const name = givenName(given, String(issue.path[0]))
    return [name, isExplained(issue) ? `${name} (${issue.message})` : name] as const
  })
  return `Missing or wrong: ${[...new Map(described).values()].join(', ')}.`
}

/** zod's own messages are about types; ours are sentences. Neither quotes a value. */
export function describeReason(issue: z.core.$ZodIssue, env: object): string {
  if (isMissing(issue, env)) return 'is missing'
  return isExplained(issue) ? issue.message : 'is not valid'
}

export const isMissing = ({ code, path }: z.core.$ZodIssue, env: object) =>
  code === 'invalid_type' && [undefined, null, ''].includes(Reflect.get(env, String(path[0])))

const isExplained = ({ code }: z.core.$ZodIssue) => code === 'custom'
