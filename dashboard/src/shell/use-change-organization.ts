import { useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client.ts'
import { changeOrganization } from '../api/session.ts'
import { useGo } from '../ui/link.tsx'
import { toast } from '../ui/toast.tsx'

/** Ways into another organization. Each ends at its overview. */
export function useChangeOrganization() {
  const client = useQueryClient()
  const go = useGo()

  async function change(id: string, name: string): Promise<void> {
    changeOrganization(await call('POST /organizations/{organization_id}/switch', { params: { organization_id: id } }))
    go('/')
    await client.resetQueries()
    toast(`Now in ${name}`)
  }
  async function join(id: string, name: string): Promise<void> {
    await call('POST /organizations/{organization_id}/join', { params: { organization_id: id } })
    await change(id, name)
  }
  return { change, join }
}
