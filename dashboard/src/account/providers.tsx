import { useEffect, useState } from 'react'
import { call } from '../api/client.ts'
import { Button } from '../ui/button.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { leaveForProvider } from './at-provider.ts'
import { useSubmit } from './use-submit.ts'

interface Provider {
  readonly id: string
  readonly name: string
}

/**
 * A button for each identity provider of this deployment; nothing where there is none. They come below all else, since they are
 * read after the page is shown: nothing moves when they come.
 */
export function Providers() {
  const [providers, setProviders] = useState<readonly Provider[]>([])
  useEffect(() => {
    void call('GET /auth/sign-in/providers').then(
      ({ data }) => setProviders(data),
      () => undefined, // the form says what is wrong when it is sent
    )
  }, [])
  if (providers.length === 0) return null
  return (
    <div className="flex flex-col gap-3">
      <div className="flex items-center gap-3 text-small text-muted">
        <span className="h-px flex-1 bg-line" />
        or
        <span className="h-px flex-1 bg-line" />
      </div>
      {providers.map((provider) => (
        <Continue key={provider.id} provider={provider} />
      ))}
    </div>
  )
}

function Continue({ provider: { id, name } }: { readonly provider: Provider }) {
  const { busy, error, submit } = useSubmit(() => leaveForProvider(id))
  return (
    <>
      <ErrorNotice error={error} />
      <Button wide busy={busy} onClick={submit}>
        Continue with {name}
      </Button>
    </>
  )
}
