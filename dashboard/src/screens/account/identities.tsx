import { useEffect, useEffectEvent, useState } from 'react'
import { leaveForProvider, type Returned, takeReturned } from '../../account/at-provider.ts'
import { useSubmit } from '../../account/use-submit.ts'
import { useRead } from '../../api/hooks.ts'
import { ApiError } from '../../api/problem.ts'
import type { Identity } from '../../api/types.ts'
import { useStepUp } from '../../shell/step-up.tsx'
import { Button } from '../../ui/button.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { RemoveWay } from './remove-way.tsx'

/** The accounts at identity providers that sign in, and those that could: nothing where there are neither. */
export function Identities() {
  const { data: known } = useRead('GET /auth/identities')
  const { data: methods } = useRead('GET /auth/sign-in/methods')
  const { error, stepUp } = useLinking()
  const [unlinking, setUnlinking] = useState<Identity>()
  if (!known || !methods || known.data.length + methods.providers.length === 0) return null
  return (
    <div className="flex flex-col gap-3 p-4">
      <div>
        <p className="font-medium">Identity providers</p>
        <p className="text-muted">Accounts at other services that can sign in to this account.</p>
      </div>
      <ErrorNotice error={error} />
      {known.data.length > 0 && (
        <ul className="divide-y divide-line border-y border-line">
          {known.data.map((identity) => (
            <Row key={identity.id} identity={identity} onUnlink={() => setUnlinking(identity)} />
          ))}
        </ul>
      )}
      <div className="flex flex-wrap gap-2">
        {methods.providers.map((provider) => (
          <Link key={provider.id} {...provider} />
        ))}
      </div>
      {stepUp}
      {unlinking && <Unlink identity={unlinking} onClose={() => setUnlinking(undefined)} />}
    </div>
  )
}

/** Links what a provider's page brought back to this screen. */
function useLinking() {
  const [failure, setFailure] = useState<ApiError>()
  const { mutate, error, stepUp } = useStepUp('POST /auth/identities')
  const link = useEffectEvent((returned: Returned) =>
    mutate({ body: returned }, { onSuccess: ({ provider_name }) => toast(`${provider_name} linked`) }),
  )
  useEffect(() => {
    const returned = takeReturned()
    if (returned instanceof ApiError) setFailure(returned)
    else if (returned) link(returned)
  }, [])
  return { error: failure ?? error, stepUp }
}

function Link({ id, name }: { readonly id: string; readonly name: string }) {
  const { busy, error, submit } = useSubmit(() => leaveForProvider(id))
  return (
    <>
      <Button busy={busy} onClick={submit}>
        Link {name}
      </Button>
      <ErrorNotice error={error} />
    </>
  )
}

function Row({ identity, onUnlink }: { readonly identity: Identity; readonly onUnlink: () => void }) {
  const { provider_name: name, email, last_used_at: used } = identity
  return (
    <li className="flex flex-wrap items-center justify-between gap-3 py-2">
      <div className="min-w-0">
        <p>{name}</p>
        <p className="flex flex-wrap gap-x-3 text-small text-muted">
          {email && <span className="min-w-0 break-all">{email}</span>}
          <span>
            {used ? (
              <>
                Last used <Time at={used} />
              </>
            ) : (
              'Not used yet'
            )}
          </span>
        </p>
      </div>
      <Button aria-label={`Unlink ${name}${email ? ` ${email}` : ''}`} onClick={onUnlink}>
        Unlink
      </Button>
    </li>
  )
}

function Unlink({ identity, onClose }: { readonly identity: Identity; readonly onClose: () => void }) {
  const { id, provider_name: name, email } = identity
  return (
    <RemoveWay
      operation="DELETE /auth/identities/{id}"
      id={id}
      title={`Unlink ${name}`}
      action="Unlink"
      done={`${name} unlinked`}
      onClose={onClose}
    >
      <p>{email ?? 'This account'} no longer signs in to your account. Your other devices are signed out.</p>
    </RemoveWay>
  )
}
