/** `npm run roll-out`: see HELP. */
import { setTimeout as wait } from 'node:timers/promises'
import { findTarget, rollBack } from './deployment/roll-back.ts'
import { type Named, smoke } from './deployment/smoke.ts'
import { findDeployed, openWrangler, share, uploadVersion, type Wrangler } from './deployment/wrangler.ts'
import { readWorkerName } from './deployment/wrangler-vars.ts'
import { readArguments } from './support/arguments.ts'
import { command, describe } from './support/command.ts'
import { readCount } from './support/settings.ts'

const HELP = `Usage: npm run roll-out -- [--steps 10,50] [--pause 60] [--back [--with-old-secrets]] [--dry-run]

Uploads the Worker as a new version and gives it more and more of the requests: those shares of a hundred, then all. After each, and
once more after a pause in seconds, it asks the version whether it works; where it does not, all requests go back to the version that was there.
Migrations come first: npm run migrate -- up.
  --back               rolls back: sends all requests to the last version whose code differs; needs no PUBLIC_URL
  --with-old-secrets   with --back, also if secrets were changed since that version, which brings the old ones back
  --dry-run            prints what it would do
Environment: PUBLIC_URL, where the deployment is reached; SERVICE_KEY, to request a verification as well; CLOUDFLARE_API_TOKEN
and CLOUDFLARE_ACCOUNT_ID, where nobody is logged in.`

interface Plan {
  readonly url: string
  readonly steps: readonly number[]
  readonly pauseSeconds: number
}

await command(async function rollOut() {
  const { values } = readArguments({
    steps: { type: 'string' },
    pause: { type: 'string' },
    back: { type: 'boolean' },
    'with-old-secrets': { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  })
  if (values.help) return console.log(HELP)
  if (values.back) return goBack(values['with-old-secrets'] ?? false, values['dry-run'] ?? false)
  const url = readUrl(process.env.PUBLIC_URL)
  const plan = { url, steps: readSteps(values.steps), pauseSeconds: readCount('--pause', values.pause, 60) }
  if (values['dry-run']) return console.log(describePlan(plan))
  const wrangler = openWrangler()
  const before = await findDeployed(wrangler)
  if (!before)
    throw new Error('There is no one version that has all requests: deploy one first, or end what was begun.')
  const worker = await readWorkerName(new URL('../wrangler.toml', import.meta.url))
  const signal = stopSignal()
  const version = await uploadVersion(wrangler)
  console.log(`Uploaded ${version}. ${before} has all requests.`)
  try {
    await increase(wrangler, plan, { named: { worker, version }, before, signal })
  } catch (error) {
    const reason = describe(signal.aborted ? signal.reason : error)
    await takeBack(wrangler, { version, before, reason })
    throw new Error(`Rolled back to ${before}: ${reason}`, { cause: error })
  }
  await wrangler(['triggers', 'deploy']) // crons and routes do not belong to a version
  console.log(`${version} has all requests.`)
})

async function goBack(isWithOldSecrets: boolean, isDry: boolean): Promise<void> {
  const wrangler = openWrangler()
  const target = await (isDry ? findTarget(wrangler) : rollBack(wrangler, isWithOldSecrets))
  if ('left' in target)
    return console.log(
      `Nothing to do: ${target.left.id} is rolled back already, to ${target.present.id}. To leave that one as well: npx wrangler versions deploy <version>@100% --yes`,
    )
  const { from, to, secretChanges } = target
  if (isDry) {
    const secrets = secretChanges > 0 ? `, with the secrets before ${secretChanges} changes` : ''
    return console.log(`All requests would go from ${from.id} to ${to.id}, of ${to.createdAt}${secrets}.`)
  }
  console.log(`${to.id}, of ${to.createdAt}, has all requests, and ${from.id} none.`)
  console.log(
    'A change of a secret is made from the last version that was uploaded, which is the wrong one. Before you change any, upload the right code: npm run roll-out, from its checkout.',
  )
}

/** Whoever ends the command must not leave requests shared between two versions. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => stopping.abort(new Error(`It was ended by ${signal}.`)))
  return stopping.signal
}

/** @throws Error with both reasons, if the version before cannot get all requests either */
async function takeBack(
  wrangler: Wrangler,
  { version, before, reason }: Record<'version' | 'before' | 'reason', string>,
) {
  try {
    await share(wrangler, before, 100, version)
  } catch (error) {
    throw new Error(
      `${reason} ${before} could not get all requests back: ${describe(error)} Try: npx wrangler versions deploy ${before}@100% --yes`,
      { cause: error },
    )
  }
}

interface Rolled {
  readonly named: Named
  readonly before: string
  readonly signal: AbortSignal
}

async function increase(wrangler: Wrangler, plan: Plan, { named, before, signal }: Rolled): Promise<void> {
  const { url, steps, pauseSeconds } = plan
  const asked = { url, named, serviceKey: process.env.SERVICE_KEY, signal }
  // A version without any share cannot be reached by its name.
  for (const percent of [...steps, 100]) {
    signal.throwIfAborted()
    await share(wrangler, named.version, percent, before)
    console.log(`${percent} of 100 requests go to ${named.version}.`)
    await smoke(asked)
    if (percent < 100) await wait(pauseSeconds * 1_000, undefined, { signal })
    await smoke(asked)
  }
}

function describePlan({ url, steps, pauseSeconds }: Plan): string {
  const shares = steps.map(
    (percent) => `give it ${percent} of 100 requests, ask it, wait ${pauseSeconds} s, ask it again`,
  )
  const lines = ['upload the Worker as a new version', ...shares, 'give it all requests, ask it']
  return [...lines, 'put crons and routes in place']
    .map((line, at) => `${at + 1}. ${line}`)
    .join('\n')
    .concat(`\nAt ${url}.`)
}

function readUrl(text = ''): string {
  const url = URL.parse(text.trim())
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error('PUBLIC_URL must be where the deployment is reached.')
  return url.href.replace(/\/+$/, '')
}

function readSteps(text = '10,50'): number[] {
  const steps = text.split(',').map(Number)
  const isRising = steps.every((step, at) => Number.isInteger(step) && step > (steps[at - 1] ?? 0) && step < 100)
  if (!isRising) throw new Error(`--steps=${text} are not whole numbers that rise between 1 and 99, such as 10,50.`)
  return steps
}
