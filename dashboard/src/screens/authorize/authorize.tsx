import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { AuthorizationRequest } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Page } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Decision, describeSource } from './decision.tsx'

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
      <Page title="The application cannot be authorized">
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      </Page>
    )
  }
  if (!data) return <Page title="Authorize an application">{<Skeleton lines={4} />}</Page>
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
    <Page
      title={`${client.name} cannot be authorized`}
      intro={`${describeSource(client)} Its request is invalid: ${why ?? ''}`}
    >
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

function Decide({ asked, body }: DecideProps) {
  const { client } = asked
  const { mutate, error, isPending } = useChange('POST /auth/authorizations/decide')
  return (
    <Page
      title={`Allow ${client.name} to act for you`}
      intro={`${describeSource(client)} You are then redirected to ${client.redirects_to}.`}
    >
      <Decision
        asked={asked}
        isPending={isPending}
        error={error}
        onDecide={(decided) =>
          mutate({ body: { ...body, ...decided } }, { onSuccess: ({ redirect_to }) => location.assign(redirect_to) })
        }
      />
    </Page>
  )
}
