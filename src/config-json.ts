import type * as z from 'zod'

/** A setting that is a JSON list. @returns `undefined` for anything else */
export function parseJsonList(json: string): unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(json)
    return Array.isArray(list) ? list : undefined
  } catch {
    return undefined
  }
}

/** What is wrong with an entry, by its fields. It quotes no value. */
export function describeFlaws({ issues }: z.ZodError): string {
  const flaws = issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')} is not known`
    return `${issue.path.join('.')} ${issue.code === 'custom' ? issue.message : 'is missing or wrong'}`
  })
  return [...new Set(flaws)].join(', ')
}
