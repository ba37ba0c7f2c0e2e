import { useParams } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { useState } from 'react'
import { useChange, useList, useRead } from '../../../api/hooks.ts'
import type { WebhookEndpoint } from '../../../api/types.ts'
import { differing } from '../../../lib/differing.ts'
import { formatTime } from '../../../lib/format.ts'
import { Button, IconButton } from '../../../ui/button.tsx'
import { Code } from '../../../ui/copy.tsx'
import { Confirm, Dialog } from '../../../ui/dialog.tsx'
import { Card, Facts, Page, Section } from '../../../ui/layout.tsx'
import { Link, textLink, useGo } from '../../../ui/link.tsx'
import { Menu } from '../../../ui/menu.tsx'
import { ErrorNotice, Notice } from '../../../ui/notice.tsx'
import { Empty, Skeleton } from '../../../ui/states.tsx'
import { toast } from '../../../ui/toast.tsx'
import type { WebhookApi } from './api.ts'
import { Deliveries } from './deliveries.tsx'
import { EndpointForm } from './endpoint-form.tsx'
import { EndpointSecret, EndpointState, useMayChange } from './endpoints.tsx'

interface EndpointScreenProps {
  readonly api: WebhookApi
}

/** One endpoint: its settings, what was sent to it, and what can be done with it. */
export function Endpoint({ api }: EndpointScreenProps) {
  const { id = '' } = useParams({ strict: false }) as { id?: string }
  const { data: endpoint, error, refetch } = useRead(api.get, { params: { id } })
  const mayChange = useMayChange(api)
  const above = (
    <Link to={api.path} className={textLink}>
      {api.title}
    </Link>
  )
  if (!endpoint)
    return (
      <Page title="Endpoint" above={above}>
        {error ? <ErrorNotice error={error} onRetry={() => void refetch()} /> : <Skeleton />}
      </Page>
    )
  return (
    <Page
      title={new URL(endpoint.url).host}
      above={above}
      state={<EndpointState endpoint={endpoint} />}
      actions={mayChange && <EndpointActions api={api} endpoint={endpoint} />}
    >
      {endpoint.disabled_reason && (
        <Notice kind="bad">{endpoint.disabled_reason} Enable it once your server responds again.</Notice>
      )}
      <Card>
        <Facts
          facts={[
            ['URL', <Code key="url">{endpoint.url}</Code>],
            ['Description', endpoint.description ?? '–'],
            [
              'Events',
              endpoint.events.length === 0
                ? 'All, including those that later versions add'
                : endpoint.events.join(', '),
            ],
            ['Id', <Code key="id">{endpoint.id}</Code>],
            ['Created', formatTime(endpoint.created_at)],
            ...(isAhead(endpoint.previous_secret_until)
              ? [['Previous secret', `Also signs until ${formatTime(endpoint.previous_secret_until)}`] as const]
              : []),
          ]}
        />
      </Card>
      <EndpointDeliveries api={api} id={id} mayResend={mayChange && endpoint.is_active} />
    </Page>
  )
}

const isAhead = (time: string | null): time is string => time !== null && Date.parse(time) > Date.now()

interface EndpointDeliveriesProps extends EndpointScreenProps {
  readonly id: string
  readonly mayResend: boolean
}

const FRESH_MS = 5_000

/** The operator resends any delivery by its id; customers also name their endpoint. */
const resendParams = (name: WebhookApi['resend'], id: string, delivery: string) =>
  name === 'POST /admin/deliveries/{id}/resend'
    ? { id: delivery, delivery_id: delivery }
    : { id, delivery_id: delivery }

function EndpointDeliveries({ api, id, mayResend }: EndpointDeliveriesProps) {
  const list = useList(api.deliveries, { params: { id } }, { every: FRESH_MS })
  const { mutate, isPending, error } = useChange(api.resend)
  const resend = {
    busy: isPending,
    error,
    run: (item: { id: string }) =>
      mutate(
        { params: resendParams(api.resend, id, item.id) },
        { onSuccess: () => toast('Event is being sent again') },
      ),
  }
  return (
    <Section title="Deliveries" intro="Events sent here in recent weeks, newest first.">
      <Deliveries
        list={list}
        {...(mayResend && { resend })}
        empty={<Empty title="Nothing sent yet">Send a test event to see how your server responds.</Empty>}
      />
    </Section>
  )
}

interface EndpointProps extends EndpointScreenProps {
  readonly endpoint: WebhookEndpoint
}

type Asked = 'edit' | 'rotate' | 'disable' | 'delete'

function EndpointActions({ api, endpoint }: EndpointProps) {
  const [asked, setAsked] = useState<Asked>()
  const [secret, setSecret] = useState<string>()
  const close = () => setAsked(undefined)
  const test = useChange(api.test)
  const enable = useChange(api.change)
  const params = { id: endpoint.id }
  const toggle = endpoint.is_active
    ? { label: 'Disable', onSelect: () => setAsked('disable') }
    : {
        label: 'Enable',
        onSelect: () =>
          enable.mutate({ params, body: { is_active: true } }, { onSuccess: () => toast('Endpoint enabled') }),
      }
  return (
    <>
      <Button onClick={() => setAsked('edit')}>Edit</Button>
      {endpoint.is_active && (
        <Button
          look="primary"
          busy={test.isPending}
          onClick={() => test.mutate({ params }, { onSuccess: () => toast('Test event is on its way') })}
        >
          Send test event
        </Button>
      )}
      <Menu
        trigger={
          <IconButton label="More actions">
            <Ellipsis aria-hidden />
          </IconButton>
        }
        items={[
          toggle,
          { label: 'Rotate secret', onSelect: () => setAsked('rotate') },
          { label: 'Delete', destructive: true, onSelect: () => setAsked('delete') },
        ]}
      />
      {(test.error ?? enable.error) && <ErrorNotice error={test.error ?? enable.error} />}
      {asked === 'edit' && <EditEndpoint api={api} endpoint={endpoint} onClose={close} />}
      {asked === 'disable' && <DisableEndpoint api={api} endpoint={endpoint} onClose={close} />}
      {asked === 'delete' && <DeleteEndpoint api={api} endpoint={endpoint} onClose={close} />}
      {asked === 'rotate' && (
        <RotateSecret
          api={api}
          endpoint={endpoint}
          onClose={close}
          onRotated={(rotated) => {
            close()
            setSecret(rotated)
          }}
        />
      )}
      {secret && <EndpointSecret secret={secret} onClose={() => setSecret(undefined)} />}
    </>
  )
}

interface AskProps extends EndpointProps {
  readonly onClose: () => void
}

function EditEndpoint({ api, endpoint, onClose }: AskProps) {
  const [{ url, description, events }] = useState(endpoint)
  const { mutate, isPending, error } = useChange(api.change)
  function onSuccess() {
    toast('Endpoint changed')
    onClose()
  }
  return (
    <Dialog open onClose={onClose} title="Edit endpoint">
      <EndpointForm
        endpoint={endpoint}
        action="Save"
        omitted={api.omitted}
        busy={isPending}
        error={error}
        onCancel={onClose}
        onSubmit={(after) =>
          mutate({ params: { id: endpoint.id }, body: differing({ url, description, events }, after) }, { onSuccess })
        }
      />
    </Dialog>
  )
}

function DisableEndpoint({ api, endpoint, onClose }: AskProps) {
  const { mutate, isPending, error } = useChange(api.change)
  function onSuccess() {
    toast('Endpoint disabled')
    onClose()
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title="Disable endpoint"
      action="Disable"
      busy={isPending}
      error={error}
      onConfirm={() => mutate({ params: { id: endpoint.id }, body: { is_active: false } }, { onSuccess })}
    >
      <p>{endpoint.url} stops receiving events. Pending events are dropped and not sent later.</p>
    </Confirm>
  )
}

function DeleteEndpoint({ api, endpoint, onClose }: AskProps) {
  const { mutate, isPending, error } = useChange(api.remove)
  const go = useGo()
  function onSuccess() {
    toast('Endpoint deleted')
    go(api.path)
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title="Delete endpoint"
      action="Delete endpoint"
      typed={new URL(endpoint.url).host}
      busy={isPending}
      error={error}
      onConfirm={() => mutate({ params: { id: endpoint.id } }, { onSuccess })}
    >
      <p>{endpoint.url} stops receiving events, and its delivery history is deleted.</p>
    </Confirm>
  )
}

interface RotateSecretProps extends AskProps {
  readonly onRotated: (secret: string) => void
}

function RotateSecret({ api, endpoint, onClose, onRotated }: RotateSecretProps) {
  const { mutate, isPending, error } = useChange(api.rotate)
  return (
    <Confirm
      open
      onClose={onClose}
      title="Rotate secret"
      action="Rotate secret"
      destructive={false}
      busy={isPending}
      error={error}
      onConfirm={() => mutate({ params: { id: endpoint.id } }, { onSuccess: (rotated) => onRotated(rotated.secret) })}
    >
      <p>For 24 hours, each request is signed with both secrets so that you can replace the one on your server.</p>
    </Confirm>
  )
}
