import { AuditTable } from './audit-table.tsx'

export const CustomerAudit = ({ id }: { readonly id: string }) => <AuditTable filter={{ organization_id: id }} />
