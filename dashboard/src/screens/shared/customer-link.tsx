import { useRead } from '../../api/hooks.ts'
import { Link, textLink } from '../../ui/link.tsx'

/** A customer by name, once it is known; leads to the customer's page. */
export function CustomerLink({ id }: { readonly id: string | null }) {
  const { data } = useRead(
    'GET /admin/organizations/{organization_id}',
    { params: { organization_id: id ?? '' } },
    { enabled: id !== null },
  )
  if (id === null) return <span className="text-muted">–</span>
  return (
    <Link to={`/operator/customers/${id}`} className={`${textLink} relative z-10 truncate`}>
      {data?.name ?? id}
    </Link>
  )
}
