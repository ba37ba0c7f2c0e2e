import { type ReactNode, useState } from 'react'
import type { ApiError } from '../../api/problem.ts'
import type { AuthorizationRequest } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Choice, Fieldset } from '../../ui/field.tsx'
import { Card, Facts } from '../../ui/layout.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'

interface Decided {
  readonly decision: 'approve' | 'deny'
  readonly scope: string
  /** The organization that was shown. */
  readonly for: string
}

interface DecisionProps {
  readonly asked: AuthorizationRequest
  /** What the page knows besides. */
  readonly facts?: readonly (readonly [name: string, value: ReactNode])[]
  readonly isPending: boolean
  readonly error: ApiError | null
  readonly onDecide: (decided: Decided) => void
}

/**
 * Who says what an application calls itself. Whoever is answered at an address that the document names is the application; on a
 * device or on somebody's own computer anybody can ask in its name.
 */
export function describeSource({ host, redirects_to: redirectsTo }: AuthorizationRequest['client']): string {
  if (host === null) return 'The application chose this name itself.'
  const isProven = redirectsTo !== null && redirectsTo !== 'this computer'
  return isProven ? `The name comes from ${host}.` : `${host} describes it, but anyone can use its name.`
}

/** What an application wants to do for somebody, and their answer. */
export function Decision({ asked, facts = [], isPending, error, onDecide }: DecisionProps) {
  const { client, organization, asks_for: asksFor, resource } = asked
  const [scopes, setScopes] = useState(() => asksFor.map(({ scope }) => scope))
  const toggle = (scope: string) =>
    setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope])
  const mayGrant = organization?.may_grant ?? false
  const decide = (decision: Decided['decision']) =>
    onDecide({ decision, scope: scopes.join(' '), for: organization?.id ?? '' })
  return (
    <Card className="flex max-w-160 flex-col gap-5">
      <Facts
        facts={[
          ...facts,
          ['For', organization?.name ?? ''],
          ...(client.host === null ? [] : [['Known as', client.id] as const]),
          ...(resource === null ? [] : [['To use', resource] as const]),
          ...(client.uri === null ? [] : [['Website', client.uri] as const]),
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
          Your role in {organization?.name} does not let you authorize applications. Choose another organization, or ask
          one of its admins.
        </Notice>
      )}
      <p className="text-muted">
        It can act for you until you revoke its access under Account. Its usage counts toward the organization.
      </p>
      <ErrorNotice error={error} />
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={() => decide('deny')} disabled={isPending}>
          Deny
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
  )
}
