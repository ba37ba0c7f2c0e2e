import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { AdminApiKey } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { Badge, Environment } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { Card, Facts, Section } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Time } from '../../ui/time.tsx'
import { KeyStatus } from './key-status.tsx'
import { usePlans } from './plans.ts'

/**
 * Whose a whole key is. It is in the body of one request and in this field, never in the address: the field has no name
 * and is emptied, and the answer is forgotten with the screen.
 */
export function KeyLookup() {
  const [key, setKey] = useState('')
  const { mutate, data, error, isPending, reset } = useChange('POST /admin/keys/lookup')
  const find = () => mutate({ body: { key: key.trim() } }, { onSettled: () => setKey('') })
  return (
    <Section
      title="Whose key is this"
      intro="Paste a full key that was found somewhere. It is neither stored nor logged."
    >
      <Card className="flex flex-col gap-4">
        <Form onSubmit={find} className="max-w-none">
          <Field label="Full key" error={error?.fieldError('key')}>
            <Input
              type="password"
              className="font-mono"
              autoComplete="off"
              spellCheck={false}
              value={key}
              onChange={({ target }) => {
                setKey(target.value)
                if (data ?? error) reset()
              }}
            />
          </Field>
          <div>
            <Button type="submit" look="primary" busy={isPending} disabled={key.trim() === ''}>
              Find owner
            </Button>
          </div>
        </Form>
        {error?.code === 'key_not_found' ? (
          <Notice>It looks like a key, but it was not issued here or was deleted with its organization.</Notice>
        ) : (
          <ErrorNotice error={error} except={['key']} />
        )}
        {data && <Found apiKey={data} />}
      </Card>
    </Section>
  )
}

function Found({ apiKey }: { readonly apiKey: AdminApiKey }) {
  const { planName } = usePlans()
  const { organization } = apiKey
  return (
    <div role="status" className="border-t border-line pt-4">
      <Facts
        facts={[
          [
            'Customer',
            <span className="flex flex-wrap items-center gap-2">
              <Link to={`/operator/customers/${organization.id}`} className={textLink}>
                {organization.name}
              </Link>
              <Badge>{planName(organization.plan)}</Badge>
              {organization.suspended_at !== null && <Badge>Suspended</Badge>}
            </span>,
          ],
          ['Key', apiKey.name],
          ['Hint', <code className="font-mono text-small">{apiKey.key_hint}</code>],
          ['Id', <Code>{apiKey.id}</Code>],
          ['Type', <Environment name={apiKey.environment} />],
          ['Status', <KeyStatus {...apiKey} />],
          ['Requests', formatNumber(apiKey.total_requests)],
          ['Last used', <Time at={apiKey.last_used_at} none="Never" />],
          ['Created', <Time at={apiKey.created_at} />],
          ['Expires', <Time at={apiKey.expires_at} none="Never" />],
        ]}
      />
      <p className="mt-4">
        <Link to={`/operator/customers/${organization.id}?tab=keys`} className={textLink}>
          Open the customer’s keys to disable or revoke it
        </Link>
      </p>
    </div>
  )
}
