interface Started {
  readonly folder: string
  readonly baseUrl: string
  readonly localUrl: string
  readonly apiKey: string
  readonly serviceKey: string
}

/** The first text for a newcomer: where everything is, and one line to try that works as printed. */
export function welcome({ folder, baseUrl, localUrl, apiKey, serviceKey }: Started): string {
  return `
Tollgate is at ${baseUrl}   (API docs: ${baseUrl}/docs)
Local services: ${localUrl}   (mail outbox: ${localUrl}/outbox, webhook catcher: ${localUrl}/webhooks,
  payments: ${localUrl}/polar and ${localUrl}/stripe)
Logins, keys and addresses: ${folder}/credentials.json

The test key: ${apiKey}
Verify it, as your API would for each request:

curl -X POST ${baseUrl}/api/v1/keys/verify -H "Authorization: Bearer ${serviceKey}" -H "Content-Type: application/json" -d '{"key":"${apiKey}"}'

Ctrl-C stops everything; the data stays in ${folder} (npm run dev -- --fresh starts from nothing).
`
}
