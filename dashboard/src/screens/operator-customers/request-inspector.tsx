import { useEffect, useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { InspectedRequest } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Button } from '../../ui/button.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { Card, Page, Section } from '../../ui/layout.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { AuditRows } from './audit-table.tsx'
import { Counters } from './request-counters.tsx'
import { RequestDeliveries, RequestEvents } from './request-events.tsx'
import { Verdict } from './request-verdict.tsx'

export function RequestInspector() {
  const [{ id, organization_id }, change] = useSearchState({ id: '', organization_id: '' })
  return (
    <Page title="Request inspector" intro="Why a request got its response, and what it recorded.">
      <Ask key={`${id} ${organization_id}`} id={id} organizationId={organization_id} onAsk={change} />
      {id && <Answer id={id} organizationId={organization_id} />}
    </Page>
  )
}

interface AskProps {
  readonly id: string
  readonly organizationId: string
  readonly onAsk: (asked: { id: string; organization_id: string }) => void
}

function Ask({ id, organizationId, onAsk }: AskProps) {
  const [text, setText] = useState(id)
  const [organization, setOrganization] = useState(organizationId)
  return (
    <Card>
      <Form
        onSubmit={() => onAsk({ id: text.trim(), organization_id: organization.trim() })}
        className="max-w-none gap-3"
      >
        <div className="grid items-start gap-3 md:grid-cols-[1fr_1fr_auto]">
          <Field label="Request id" hint="Every verdict has one, and every response has it as X-Request-Id.">
            <Input
              className="font-mono"
              autoComplete="off"
              spellCheck={false}
              value={text}
              onChange={({ target }) => setText(target.value)}
            />
          </Field>
          <Field label="Organization id" optional hint="Needed if several organizations have an event with this id.">
            <Input
              className="font-mono"
              autoComplete="off"
              spellCheck={false}
              value={organization}
              onChange={({ target }) => setOrganization(target.value)}
            />
          </Field>
          <Button type="submit" look="primary" className="md:mt-[1.625rem]" disabled={text.trim() === ''}>
            Inspect request
          </Button>
        </div>
      </Form>
    </Card>
  )
}

/** An id that is pasted into another request's page must not show the former one. */
function Answer({ id, organizationId }: { readonly id: string; readonly organizationId: string }) {
  const { data, error, refetch, isPlaceholderData } = useRead('GET /admin/requests/{request_id}', {
    params: { request_id: id },
    query: organizationId ? { organization_id: organizationId } : {},
  })
  useEffect(() => {
    document.title = `Request ${id} · Tollgate`
  }, [id])
  if (error?.status === 404) return <NotFound detail={error.message} />
  if (error) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!data || isPlaceholderData) return <Skeleton lines={6} />
  return <Found request={data} />
}

const NotFound = ({ detail }: { readonly detail: string }) => (
  <Notice kind="warn">
    <p className="font-medium">Request not found.</p>
    <p>{detail}</p>
    <p className="mt-1 text-muted">
      Requests whose key was not found are not recorded. Others are kept as long as raw usage events.
    </p>
  </Notice>
)

function Found({ request }: { readonly request: InspectedRequest }) {
  return (
    <>
      <Verdict request={request} />
      {request.counters && <Counters counters={request.counters} refusedBy={request.verdict?.refused_by ?? null} />}
      {request.usage_events.length > 0 && (
        <RequestEvents events={request.usage_events} organizationId={request.organization?.id} />
      )}
      {request.audit_logs.length > 0 && (
        <Section title="Audit log">
          <AuditRows rows={request.audit_logs} />
        </Section>
      )}
      {request.deliveries.length > 0 && <RequestDeliveries deliveries={request.deliveries} />}
    </>
  )
}
