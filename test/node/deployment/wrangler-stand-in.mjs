/** Stands for wrangler where there is no Cloudflare: writes down how it was called, and says what wrangler says. */
import { appendFileSync, readFileSync } from 'node:fs'

const args = process.argv.slice(2)
const { WRANGLER_CALLS = '', WRANGLER_OUTPUT_FILE_PATH, WRANGLER_FAILS } = process.env
const secrets = args[args.indexOf('--secrets-file') + 1]
const told = args.includes('--secrets-file') ? { secrets: JSON.parse(readFileSync(secrets, 'utf8')) } : {}
appendFileSync(
  WRANGLER_CALLS,
  `${JSON.stringify({ args: args.filter((one) => one !== secrets || !told.secrets), ...told })}\n`,
)
if (WRANGLER_FAILS && args.join(' ').startsWith(WRANGLER_FAILS)) {
  console.log('It says why.')
  process.exit(1)
}
if (args[0] === 'versions' && args[1] === 'upload')
  appendFileSync(
    WRANGLER_OUTPUT_FILE_PATH,
    `${JSON.stringify({ type: 'version-upload', version: 1, version_id: 'new-version' })}\n`,
  )
if (args[1] === 'list' && args[0] === 'queues') console.log('│ 1f0c │ tollgate-usage │ 2026-11-28 │ 1 │ 1 │')
if (args[0] === 'secret') console.log('[{"name":"SECRET_KEY"},{"name":"JWT_SECRET_KEY"}]')
if (args[0] === 'deployments' && args[1] === 'status')
  console.log(JSON.stringify({ versions: [{ version_id: 'old-version', percentage: 100 }] }))

const { versions = {}, deployments = [] } = JSON.parse(process.env.WRANGLER_HISTORY ?? '{}')
const moment = (at) => new Date(1_000 * at).toISOString()
if (args[0] === 'deployments' && args[1] === 'list')
  console.log(
    JSON.stringify(
      deployments.map((ids, at) => ({
        created_on: moment(at),
        versions: ids.map((version_id) => ({ version_id })),
      })),
    ),
  )
if (args[0] === 'versions' && args[1] === 'view') {
  const [etag, trigger] = versions[args[2]]
  const metadata = { created_on: moment(Object.keys(versions).indexOf(args[2])) }
  const annotations = { 'workers/triggered_by': trigger }
  console.log(JSON.stringify({ id: args[2], metadata, annotations, resources: { script: { etag } } }))
}
