import { useChange, useList } from '../../api/hooks.ts'
import { formatName } from '../../lib/format.ts'
import { Section } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

/** Invitations that nobody has accepted yet; nothing where there are none. */
export function CustomerInvitations({ id }: { readonly id: string }) {
  const params = { organization_id: id }
  const list = useList('GET /organizations/{organization_id}/invitations', {
    params,
    query: { status: 'pending', limit: 50 },
  })
  const resend = useChange('POST /organizations/{organization_id}/invitations/{id}/resend')
  const revoke = useChange('DELETE /organizations/{organization_id}/invitations/{id}')
  if (!list.rows?.length) return null
  return (
    <Section title="Invitations">
      <Table
        {...listProps(list)}
        label="Invitations"
        rowId={(one) => one.id}
        empty={null}
        columns={[
          { name: 'Email', width: 'minmax(0,2fr)', cell: ({ email }) => email },
          { name: 'Role', cell: ({ role }) => formatName(role) },
          { name: 'Sent', cell: ({ created_at }) => <Time at={created_at} /> },
          { name: 'Expires', cell: ({ expires_at }) => <Time at={expires_at} /> },
        ]}
        rowMenu={(one) => (
          <RowMenu
            name={one.email}
            id={one.id}
            items={[
              {
                label: 'Send again',
                onSelect: () =>
                  resend.mutate(
                    { params: { ...params, id: one.id } },
                    {
                      onSuccess: () => toast(`Invitation sent to ${one.email}`),
                      onError: ({ message }) => toast('The invitation was not sent', message),
                    },
                  ),
              },
              {
                label: 'Revoke',
                destructive: true,
                onSelect: () =>
                  revoke.mutate(
                    { params: { ...params, id: one.id } },
                    {
                      onSuccess: () => toast('Invitation revoked'),
                      onError: ({ message }) => toast('The invitation was not revoked', message),
                    },
                  ),
              },
            ]}
          />
        )}
      />
    </Section>
  )
}
