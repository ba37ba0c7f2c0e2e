import { useRead } from '../../api/hooks.ts'

/** All plans, cheapest first, with a function that names one. */
export function usePlans() {
  const { data } = useRead('GET /admin/plans')
  const plans = data?.data ?? []
  const planName = (id: string): string => plans.find((plan) => plan.id === id)?.name ?? id
  return { plans, planName }
}

/** Plans as the options of a filter. */
export const planOptions = (plans: readonly { id: string; name: string }[]) =>
  [['', 'All plans'], ...plans.map(({ id, name }) => [id, name] as const)] as const
