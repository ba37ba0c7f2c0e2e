import type { Reply } from './http.ts'

/** The domains of disposable addresses that this stack knows. */
const DOMAINS = ['throwaway.example', 'mailinator.com']

/** A list like the public ones: one domain per line. */
export const disposableDomains = (): Reply => ({
  status: 200,
  type: 'text/plain; charset=utf-8',
  body: `# domains of throwaway addresses\n${DOMAINS.join('\n')}\n`,
})
