import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { Organization } from '../../api/types.ts'
import { useMay, useSession } from '../../shell/session-context.tsx'
import { useStepUp } from '../../shell/step-up.tsx'
import { Badge, Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { Card, Facts, Page, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { Directory } from './directory.tsx'
import { Domains } from './domains.tsx'
import { RequiredSecondFactor } from './required-second-factor.tsx'
import { SingleSignOn } from './single-sign-on.tsx'

export function OrganizationSettings() {
  const { organizationId } = useSession()
  const mayWrite = useMay('organization:write')
  const mayDelete = useMay('organization:delete')
  const { data, error, refetch } = useRead('GET /organizations/{organization_id}', {
    params: { organization_id: organizationId },
  })
  return (
    <Page title="Organization" state={data?.suspended_at && <Status kind="bad">Suspended</Status>}>
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton lines={5} />}
      {data && (
        <>
          <Section title="Identity">
            <Card>
              <Identity organization={data} />
            </Card>
          </Section>
          {mayWrite && (
            <Section title="Name">
              <Card>
                <NameForm key={data.id} organization={data} />
              </Card>
            </Section>
          )}
          <Domains />
          {mayWrite && <SingleSignOn />}
          {mayWrite && <Directory />}
          <RequiredSecondFactor organization={data} />
          {mayDelete && <DangerZone organization={data} />}
        </>
      )}
    </Page>
  )
}

const Identity = ({ organization: one }: { readonly organization: Organization }) => (
  <Facts
    facts={[
      ['Name', one.name],
      ['Slug', <Code>{one.slug}</Code>],
      ['Id', <Code>{one.id}</Code>],
      ['External id', one.external_id ? <Code>{one.external_id}</Code> : <span className="text-muted">None</span>],
      ['Plan', <Badge>{one.plan}</Badge>],
      ['Members', one.member_count],
      ['Created', <Time at={one.created_at} />],
      ...(one.suspended_at ? [['Suspended', <Time at={one.suspended_at} />] as const] : []),
    ]}
  />
)

function NameForm({ organization }: { readonly organization: Organization }) {
  const [name, setName] = useState(organization.name)
  const [slug, setSlug] = useState(organization.slug)
  const { mutate, error, isPending } = useChange('PATCH /organizations/{organization_id}')
  const isChanged = name !== organization.name || slug !== organization.slug
  function save(): void {
    const body = { ...(name !== organization.name && { name }), ...(slug !== organization.slug && { slug }) }
    mutate({ params: { organization_id: organization.id }, body }, { onSuccess: () => toast('Organization saved') })
  }
  return (
    <Form onSubmit={save}>
      <ErrorNotice error={error} except={['name', 'slug']} />
      <Field label="Name" error={error?.fieldError('name')}>
        <Input name="organization" value={name} onChange={({ target }) => setName(target.value)} />
      </Field>
      <Field
        label="Slug"
        hint="Lowercase letters, digits and single hyphens. Unique."
        error={error?.fieldError('slug')}
      >
        <Input name="slug" className="font-mono" value={slug} onChange={({ target }) => setSlug(target.value)} />
      </Field>
      <div>
        <Button type="submit" look="primary" busy={isPending} disabled={!isChanged}>
          Save changes
        </Button>
      </div>
    </Form>
  )
}

function DangerZone({ organization }: { readonly organization: Organization }) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <Section title="Danger zone">
      <Card className="flex flex-wrap items-center justify-between gap-3 border-bad">
        <div>
          <p className="font-medium">Delete this organization</p>
          <p className="text-muted">Its keys stop working within two seconds. This cannot be undone.</p>
        </div>
        <Button look="danger" onClick={() => setIsOpen(true)}>
          Delete organization
        </Button>
      </Card>
      {isOpen && <DeleteOrganization organization={organization} onClose={() => setIsOpen(false)} />}
    </Section>
  )
}

interface DeleteProps {
  readonly organization: Organization
  readonly onClose: () => void
}

function DeleteOrganization({ organization: { id, name }, onClose }: DeleteProps) {
  const { mutate, error, isPending, stepUp } = useStepUp('DELETE /organizations/{organization_id}')
  const remove = () =>
    mutate(
      { params: { organization_id: id }, body: { confirm_name: name } },
      { onSuccess: () => location.assign('/dashboard') }, // the session is now in another organization
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete ${name}`}
      action="Delete organization"
      onConfirm={remove}
      busy={isPending}
      error={error}
      typed={name}
    >
      <p>
        All its API keys stop working within two seconds. Members, invitations and webhooks are deleted immediately.
      </p>
      <p>An active subscription must be canceled first. The audit log and usage totals are kept.</p>
      {stepUp}
    </Confirm>
  )
}
