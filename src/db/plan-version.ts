/**
 * A plan's versions are rows of their own. The first has the plan's name as its id, the others the name and their number:
 * `team`, `team@2`. Names never contain `@`.
 */

/** The plan's name, whatever the version. */
export const toFamily = (planId: string): string => planId.split('@', 1)[0] ?? planId

/** The number of the version. */
export const toVersion = (planId: string): number => Number(planId.split('@')[1] ?? 1)

/** The id of a version. */
export const toPlanId = (family: string, version: number): string => (version === 1 ? family : `${family}@${version}`)

/** The plan's name in SQL. @param planId an expression, such as `o.plan_id` */
export const familyIn = (planId: string): string => `split_part(${planId}, '@', 1)`
