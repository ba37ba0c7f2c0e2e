import { GITHUB_CLIENT, OIDC_CLIENT } from '../stack/identity/clients.ts'

/** The identity providers of a local stack, as SIGN_IN_PROVIDERS describes them. */
export const localProviders = (stackUrl: string) => [
  { kind: 'oidc', id: 'local', name: 'Local', issuer: `${stackUrl}/oidc`, ...OIDC_CLIENT },
  { kind: 'github', url: `${stackUrl}/github`, api_url: `${stackUrl}/github/api`, ...GITHUB_CLIENT },
]
