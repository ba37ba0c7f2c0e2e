import type { Reply } from './http.ts'

/** The domain of throwaway addresses that this stack knows. */
const DOMAINS = ['throwaway.example', 'mailinator.com']

/** A list as the public ones are: one domain on each line. */
export const disposableDomains = (): Reply => ({
  status: 200,
  type: 'text/plain; charset=utf-8',
  body: `# domains of throwaway addresses\n${DOMAINS.join('\n')}\n`,
})
