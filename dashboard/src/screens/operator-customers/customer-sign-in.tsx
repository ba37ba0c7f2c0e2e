import { useRead } from '../../api/hooks.ts'
import type { CustomerSignIn as SignIn } from '../../api/types.ts'
import { formatCount, formatName, formatNumber } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Card, Facts, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'

/** How the people of a customer get in: what to look at when somebody of it does not. */
export function CustomerSignIn({ id }: { readonly id: string }) {
  const { data, error, refetch } = useRead('GET /admin/organizations/{organization_id}/sign-in', {
    params: { organization_id: id },
  })
  return (
    <Section
      title="Sign-in"
      intro="How the people of this customer sign in. Its owners change this under Organization."
    >
      {error && !data ? <ErrorNotice error={error} onRetry={() => void refetch()} /> : null}
      {data ? <SignInFacts signIn={data} /> : !error && <Skeleton lines={4} />}
    </Section>
  )
}

function SignInFacts({ signIn }: { readonly signIn: SignIn }) {
  const { domains, single_sign_on: sso, directory, applications } = signIn
  return (
    <Card>
      <Facts
        facts={[
          ['Second factor', signIn.requires_two_factor ? 'Required of every member' : 'Not required'],
          ['Domains', domains.length === 0 ? 'None' : <Domains domains={domains} />],
          ['Single sign-on', sso === null ? 'None' : <SingleSignOn sso={sso} />],
          ['Directory', directory === null ? 'None' : <Directory directory={directory} />],
          ['Applications', applications === 0 ? 'None authorized by its members' : formatNumber(applications)],
        ]}
      />
    </Card>
  )
}

function Domains({ domains }: { readonly domains: SignIn['domains'] }) {
  return (
    <ul className="flex flex-col gap-1">
      {domains.map(({ domain, verified_at, checked_at, join_role }) => (
        <li key={domain} className="flex flex-wrap items-center gap-x-3">
          <span className="min-w-0 break-all">{domain}</span>
          {verified_at === null ? <Status kind="warn">Not verified</Status> : <Status kind="good">Verified</Status>}
          <span className="text-muted">
            {join_role === null ? 'Nobody can join with it' : `People join as ${formatName(join_role)}`}, checked{' '}
            <Time at={checked_at} none="never" />
          </span>
        </li>
      ))}
    </ul>
  )
}

function SingleSignOn({ sso }: { readonly sso: NonNullable<SignIn['single_sign_on']> }) {
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      <span className="min-w-0 break-all">{sso.issuer}</span>
      {sso.is_required ? <Status kind="good">Required</Status> : <Status kind="off">Not required</Status>}
      <span className="text-muted">
        {sso.join_role === null ? 'Members only' : `New people become ${formatName(sso.join_role)}`}, last used{' '}
        <Time at={sso.last_used_at} none="never" />
      </span>
    </span>
  )
}

function Directory({ directory }: { readonly directory: NonNullable<SignIn['directory']> }) {
  const { people, groups, default_role, has_token, last_used_at } = directory
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      {has_token ? <Status kind="good">Connected</Status> : <Status kind="warn">No token</Status>}
      <span>
        {formatCount(people, 'person', 'people')}, {formatCount(groups, 'group')}
      </span>
      <span className="text-muted">
        {formatName(default_role)} unless a group says otherwise, last used <Time at={last_used_at} none="never" />
      </span>
    </span>
  )
}
