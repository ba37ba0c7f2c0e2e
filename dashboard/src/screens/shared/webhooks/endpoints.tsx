import { useState } from 'react'
import { useChange, useList } from '../../../api/hooks.ts'
import type { WebhookEndpoint } from '../../../api/types.ts'
import { useSession } from '../../../shell/session-context.tsx'
import { Status } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { Dialog } from '../../../ui/dialog.tsx'
import { Page } from '../../../ui/layout.tsx'
import { RowMenu } from '../../../ui/menu.tsx'
import { Empty } from '../../../ui/states.tsx'
import { listProps, Table } from '../../../ui/table.tsx'
import { Time } from '../../../ui/time.tsx'
import { toast } from '../../../ui/toast.tsx'
import { SecretOnce } from '../secret-once.tsx'
import type { WebhookApi } from './api.ts'
import { EndpointForm } from './endpoint-form.tsx'

export function useMayChange({ permission }: WebhookApi): boolean {
  const { permissions, isAdministrator } = useSession()
  return permission === undefined ? isAdministrator : permissions.includes(permission)
}

/** The endpoints of an organization or of the operator. */
export function Endpoints({ api }: { readonly api: WebhookApi }) {
  const list = useList(api.list)
  const mayChange = useMayChange(api)
  const [isCreating, setIsCreating] = useState(false)
  const [secret, setSecret] = useState<string>()
  const create = mayChange && (
    <Button look="primary" onClick={() => setIsCreating(true)}>
      Add endpoint
    </Button>
  )
  return (
    <Page title={api.title} intro={api.intro} actions={list.rows?.length ? create : undefined}>
      <Table
        {...listProps(list)}
        label="Endpoints"
        columns={[
          { name: 'URL', cell: ({ url }) => url },
          { name: 'Description', cell: ({ description }) => description ?? <Dash />, secondary: true },
          { name: 'Events', cell: ({ events }) => describeEvents(events), width: '8rem' },
          { name: 'State', cell: (endpoint) => <EndpointState endpoint={endpoint} />, width: '10rem' },
          { name: 'Created', cell: ({ created_at }) => <Time at={created_at} />, width: '8rem', secondary: true },
        ]}
        rowId={({ id }) => id}
        rowLink={({ id }) => `${api.path}/${id}`}
        rowMenu={({ id, url }) => <RowMenu name={url} id={id} />}
        empty={
          <Empty title="No endpoints yet" action={create}>
            Add the address of your server and choose the events to send to it.
          </Empty>
        }
      />
      {isCreating && (
        <CreateEndpoint
          api={api}
          onClose={() => setIsCreating(false)}
          onCreated={(created) => {
            setIsCreating(false)
            setSecret(created)
          }}
        />
      )}
      {secret && <EndpointSecret secret={secret} onClose={() => setSecret(undefined)} />}
    </Page>
  )
}

interface CreateEndpointProps {
  readonly api: WebhookApi
  readonly onClose: () => void
  readonly onCreated: (secret: string) => void
}

function CreateEndpoint({ api, onClose, onCreated }: CreateEndpointProps) {
  const { mutate, isPending, error } = useChange(api.create)
  return (
    <Dialog open onClose={onClose} title="Add endpoint">
      <EndpointForm
        action="Add endpoint"
        omitted={api.omitted}
        busy={isPending}
        error={error}
        onCancel={onClose}
        onSubmit={(body) =>
          mutate(
            { body },
            {
              onSuccess({ secret }) {
                toast('Endpoint added')
                onCreated(secret)
              },
            },
          )
        }
      />
    </Dialog>
  )
}

export const EndpointSecret = ({ secret, onClose }: { readonly secret: string; readonly onClose: () => void }) => (
  <SecretOnce title="Signing secret" noun="secret" secret={secret} onClose={onClose}>
    <p className="text-muted">
      Use it to check the header <code className="font-mono text-small">webhook-signature</code> of each request, as
      Standard Webhooks describes.
    </p>
  </SecretOnce>
)

const Dash = () => <span className="text-muted">–</span>

function describeEvents(events: readonly string[]): string {
  if (events.length === 0) return 'All'
  return events.length === 1 ? (events[0] as string) : `${events.length} types`
}

export function EndpointState({ endpoint }: { readonly endpoint: WebhookEndpoint }) {
  const { is_active: isActive, disabled_reason: reason, failed_events: failed } = endpoint
  if (!isActive) return reason ? <Status kind="bad">Auto-disabled</Status> : <Status kind="off">Disabled</Status>
  if (failed > 0) return <Status kind="warn">{failed === 1 ? '1 event failed' : `${failed} events failed`}</Status>
  return <Status kind="good">Active</Status>
}
