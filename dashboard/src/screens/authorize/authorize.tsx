import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { AuthorizationRequest } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Choice, Fieldset } from '../../ui/field.tsx'
import { Card, Facts, Page } from '../../ui/layout.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'

const NAMES = [
  'redirect_uri',
  'response_type',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
  'resource',
] as const

/** What the application asked with. Other parameters are not for Tollgate. */
function readAsked() {
  const search = new URLSearchParams(location.search)
  const given = NAMES.flatMap((name) => {
    const value = search.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  return { client_id: search.get('client_id') ?? '', ...Object.fromEntries(given) }
}

/** Where somebody decides whether an application may act for them. */
export function Authorize() {
  const [body] = useState(readAsked)
  const { data, error, refetch } = useRead('POST /auth/authorizations', { body })
  if (error && !data) {
    return (
      <Page title="The application cannot be let in">
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      </Page>
    )
  }
  if (!data) return <Page title="Let an application act for you">{<Skeleton lines={4} />}</Page>
  if (data.redirect_to) return <Wrong client={data.client} address={data.redirect_to} />
  return <Decide asked={data} body={body} />
}

interface WrongProps {
  readonly client: AuthorizationRequest['client']
  /** Where the application is told. */
  readonly address: string
}

/** Anybody can register an application: nobody is sent to one that they did not choose to go to (RFC 9700 §4.11.2). */
function Wrong({ client, address }: WrongProps) {
  const why = new URL(address).searchParams.get('error_description')
  return (
    <Page title={`${client.name} cannot be let in`} intro={`It calls itself so. Its request is wrong: ${why ?? ''}`}>
      <div>
        <Button onClick={() => location.assign(address)}>Back to {client.redirects_to}</Button>
      </div>
    </Page>
  )
}

interface DecideProps {
  readonly asked: AuthorizationRequest
  readonly body: ReturnType<typeof readAsked>
}

function Decide({ asked: { client, organization, asks_for: asksFor, resource }, body }: DecideProps) {
  const [scopes, setScopes] = useState(() => asksFor.map(({ scope }) => scope))
  const { mutate, error, isPending } = useChange('POST /auth/authorizations/decide')
  const decide = (decision: 'approve' | 'deny') =>
    mutate(
      { body: { ...body, scope: scopes.join(' '), decision } },
      { onSuccess: ({ redirect_to }) => location.assign(redirect_to) },
    )
  const toggle = (scope: string) =>
    setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope])
  const mayGrant = organization?.may_grant ?? false
  return (
    <Page
      title={`Let ${client.name} act for you`}
      intro={`It calls itself so. You are sent to ${client.redirects_to} afterwards.`}
    >
      <Card className="flex max-w-160 flex-col gap-5">
        <Facts
          facts={[
            ['For', organization?.name ?? ''],
            ...(resource === null ? [] : [['To use', resource] as const]),
            ...(client.uri === null ? [] : [['Its page', client.uri] as const]),
          ]}
        />
        <Fieldset legend="It may">
          {asksFor.map(({ scope, description }) => (
            <Choice
              key={scope}
              label={description}
              hint={<code className="font-mono">{scope}</code>}
              checked={scopes.includes(scope)}
              onChange={() => toggle(scope)}
            />
          ))}
        </Fieldset>
        {!mayGrant && (
          <Notice kind="warn">
            Your role in {organization?.name} does not let applications in. Choose another organization, or ask one of
            its admins.
          </Notice>
        )}
        <p className="text-muted">
          It acts until you end it, under Account. What it does counts as use of the organization.
        </p>
        <ErrorNotice error={error} />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={() => decide('deny')} disabled={isPending}>
            Do not allow
          </Button>
          <Button
            look="primary"
            busy={isPending}
            disabled={!mayGrant || scopes.length === 0}
            onClick={() => decide('approve')}
          >
            Allow
          </Button>
        </div>
      </Card>
    </Page>
  )
}
