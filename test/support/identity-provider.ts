/** Somebody as the page of the local stack's identity providers asks for them. */
export interface Person {
  readonly email: string
  readonly name?: string
  /** Overrides the address's own subject. */
  readonly subject?: string
  /** Whether the provider reports the address as verified; true if absent. */
  readonly verified?: boolean
  /** What the provider does wrong; see local/stack/identity/people.ts. */
  readonly misbehave?: string
  /** Whether they cancel. */
  readonly cancel?: boolean
}

const MAX_STEPS = 10

/** Signs in on the pages of a provider, as a browser would. @returns where it would be sent back to */
export async function signInAt(authorizationUrl: string, person: Person): Promise<URL> {
  const cookies = new Map<string, string>()
  let url = new URL(authorizationUrl)
  let form: URLSearchParams | undefined
  for (let step = 0; step < MAX_STEPS; step++) {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: form }),
    })
    keepCookies(cookies, response)
    const location = response.headers.get('Location')
    const text = await response.text()
    if (location) {
      url = new URL(location, url)
      if (url.pathname === '/account/sign-in') return url
      form = undefined
    } else if (response.ok && !form) form = toForm(person)
    else throw new Error(`${url.pathname}: ${response.status} ${text}`)
  }
  throw new Error(`The provider did not come back: ${url.href}`)
}

function keepCookies(cookies: Map<string, string>, { headers }: Response): void {
  for (const cookie of headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
    cookies.set(name, value)
  }
}

function toForm({ email, name = '', subject = '', verified = true, misbehave = 'none', cancel }: Person) {
  const fields = { email, name, subject, misbehave, ...(verified && { verified: 'on' }), ...(cancel && { cancel: '' }) }
  return new URLSearchParams(fields)
}
