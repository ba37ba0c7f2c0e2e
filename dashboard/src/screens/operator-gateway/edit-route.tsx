import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { GatewayRoute } from '../../api/types.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/copy.tsx'
import { Actions, Confirm } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { Page, Section } from '../../ui/layout.tsx'
import { Link, textLink, useGo } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import { ChangedMeanwhile, useOpened } from '../shared/changed-meanwhile.tsx'
import { ROUTE_FIELDS, RouteFields } from './route-fields.tsx'
import { NEW_ROUTE, toRouteBody, toRouteChanges, toRouteForm } from './route-form.ts'

const LIST = '/operator/gateway'

const above = (
  <Link to={LIST} className={textLink}>
    Gateway
  </Link>
)

export function NewRoute() {
  const [form, setForm] = useState(NEW_ROUTE)
  const { mutate, error, isPending } = useChange('POST /admin/routes')
  const go = useGo()
  function create(): void {
    mutate(
      { body: toRouteBody(form) },
      {
        onSuccess({ id, url }) {
          toast('Route created', `It is served at ${url}.`)
          go(`${LIST}/${id}`)
        },
      },
    )
  }
  return (
    <Page title="Create route" above={above}>
      <Form onSubmit={create}>
        <ErrorNotice error={error} except={ROUTE_FIELDS} />
        <RouteFields form={form} onChange={(change) => setForm({ ...form, ...change })} error={error} />
        <Actions>
          <Button onClick={() => go(LIST)}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Create route
          </Button>
        </Actions>
      </Form>
    </Page>
  )
}

export function EditRoute() {
  const { id = '' } = useParams({ strict: false }) as { id?: string }
  const { data: route, error, refetch } = useRead('GET /admin/routes/{id}', { params: { id } })
  if (route) return <Editor key={route.id} route={route} />
  return (
    <Page title="Route" above={above}>
      {error ? <ErrorNotice error={error} onRetry={() => void refetch()} /> : <Skeleton lines={6} />}
    </Page>
  )
}

function Editor({ route }: { readonly route: GatewayRoute }) {
  const { opened, setOpened, isOutdated } = useOpened(route)
  const [form, setForm] = useState(() => toRouteForm(route))
  const [isDeleting, setIsDeleting] = useState(false)
  const { mutate, error, isPending } = useChange('PATCH /admin/routes/{id}')
  const go = useGo()
  function reload(latest: GatewayRoute): void {
    setOpened(latest)
    setForm(toRouteForm(latest))
  }
  function save(): void {
    mutate(
      { params: { id: route.id }, body: toRouteChanges(form, opened) },
      {
        onSuccess(saved) {
          reload(saved)
          toast('Route changed', 'It takes effect within ten seconds.')
        },
      },
    )
  }
  return (
    <Page
      title={route.slug}
      state={route.is_enabled ? <Status kind="good">On</Status> : <Status kind="off">Off</Status>}
      above={above}
      actions={<Button onClick={() => setIsDeleting(true)}>Delete route</Button>}
    >
      <Section title="Try it" intro="Replace API_KEY with a customer’s key.">
        <CodeBlock
          label="A request through the gateway"
          code={`curl ${route.url} -H "Authorization: Bearer $API_KEY"`}
        />
      </Section>
      {isOutdated && <ChangedMeanwhile onReload={() => reload(route)} />}
      <Form onSubmit={save}>
        <ErrorNotice error={error} except={ROUTE_FIELDS} />
        <RouteFields form={form} onChange={(change) => setForm({ ...form, ...change })} error={error} />
        <Actions>
          <Button onClick={() => go(LIST)}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Save route
          </Button>
        </Actions>
      </Form>
      {isDeleting && <DeleteRoute route={route} onClose={() => setIsDeleting(false)} />}
    </Page>
  )
}

function DeleteRoute({ route, onClose }: { readonly route: GatewayRoute; readonly onClose: () => void }) {
  const { mutate, error, isPending } = useChange('DELETE /admin/routes/{id}')
  const go = useGo()
  function remove(): void {
    mutate(
      { params: { id: route.id } },
      {
        onSuccess() {
          toast('Route deleted')
          go(LIST)
        },
      },
    )
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete ${route.slug}`}
      action="Delete route"
      typed={route.slug}
      busy={isPending}
      error={error}
      onConfirm={remove}
    >
      <p>Requests to {route.url} get a 404 within ten seconds. Recorded usage is kept.</p>
    </Confirm>
  )
}
