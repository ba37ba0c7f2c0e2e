/** Tollgate's client registrations at the stack's identity providers. */
export const OIDC_CLIENT = { client_id: 'tollgate-local', client_secret: 'tollgate-local-secret' } as const
export const GITHUB_CLIENT = { client_id: 'Iv1.tollgate-local', client_secret: 'github-local-secret' } as const

/** Allows redirects to any deployment on this machine or in its tests, with this one path. */
export const isCallback = (uri: string): boolean => URL.parse(uri)?.pathname === '/account/sign-in'
