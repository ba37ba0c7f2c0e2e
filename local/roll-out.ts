/** `npm run roll-out`: see HELP. */
import { setTimeout as wait } from 'node:timers/promises'
import { smoke } from './deployment/smoke.ts'
import { findDeployed, openWrangler, share, uploadVersion, type Wrangler } from './deployment/wrangler.ts'
import { readArguments } from './support/arguments.ts'
import { command, describe } from './support/command.ts'
import { readCount } from './support/settings.ts'

const HELP = `Usage: npm run roll-out -- [--steps 10,50] [--pause 60] [--dry-run]

Uploads the Worker as a new version and gives it more and more of the requests: those shares of a hundred, then all. After each, and
once more after a pause in seconds, it asks the version whether it works; where it does not, all requests go back to the version that was there.
Migrations come first: npm run migrate -- up.
  --dry-run   says what it would do
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
    'dry-run': { type: 'boolean' },
  })
  if (values.help) return console.log(HELP)
  const url = readUrl(process.env.PUBLIC_URL)
  const plan = { url, steps: readSteps(values.steps), pauseSeconds: readCount('--pause', values.pause, 60) }
  if (values['dry-run']) return console.log(describePlan(plan))
  const wrangler = openWrangler()
  const before = await findDeployed(wrangler)
  if (!before)
    throw new Error('There is no one version that has all requests: deploy one first, or end what was begun.')
  const version = await uploadVersion(wrangler)
  console.log(`Uploaded ${version}. ${before} has all requests.`)
  try {
    await increase(wrangler, plan, { version, before })
  } catch (error) {
    await share(wrangler, before, 100, version)
    throw new Error(`Rolled back to ${before}: ${describe(error)}`, { cause: error })
  }
  await wrangler(['triggers', 'deploy']) // crons and routes do not belong to a version
  console.log(`${version} has all requests.`)
})

async function increase(wrangler: Wrangler, plan: Plan, { version, before }: Record<'version' | 'before', string>) {
  const { url, steps, pauseSeconds } = plan
  const serviceKey = process.env.SERVICE_KEY
  // A version without any share cannot be reached by its name.
  for (const percent of [...steps, 100]) {
    await share(wrangler, version, percent, before)
    console.log(`${percent} of 100 requests go to ${version}.`)
    await smoke({ url, version, serviceKey })
    if (percent < 100) await wait(pauseSeconds * 1_000)
    await smoke({ url, version, serviceKey })
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
