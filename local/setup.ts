/** `npm run setup`: see HELP. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../src/config.ts'
import { requireFeature } from '../src/config-features.ts'
import { type Answers, readAnswers } from './deployment/answers.ts'
import { makeQueues } from './deployment/queue-config.ts'
import { chooseSecrets, withExamples } from './deployment/secrets.ts'
import { smoke } from './deployment/smoke.ts'
import { openWrangler, type Wrangler } from './deployment/wrangler.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'

const HELP = `Usage: npm run setup -- [--url https://…] [--email …] [--first] [--queue] [--dry-run]

Takes a deployment to Cloudflare from nothing to its first answer: migrations, plans, a service key, an administrator, secrets, the
Worker, and a verification. It can be repeated: what is there stays, secrets too.
  --url, --email   PUBLIC_URL and ADMIN_EMAIL
  --first          there is no such Worker yet, so SECRET_KEY and JWT_SECRET_KEY are made; else the deployment is asked for them
  --queue          usage goes through a Cloudflare Queue: makes it and writes it into wrangler.toml
  --config         another file than wrangler.toml
  --dry-run        says each step and does none
Environment: DATABASE_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, and SECRET_KEY or SECRET_KEYS, JWT_SECRET_KEY or JWT_KEYS, if
they are to be these; a deployment that has SECRET_KEYS or JWT_KEYS gets no SECRET_KEY or JWT_SECRET_KEY beside it;
SMOKE_URL where it is reached before its domain is. What is missing is asked for.`

const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface Setup {
  readonly answers: Answers
  readonly config: string
  readonly isFirst: boolean
  readonly hasQueue: boolean
  readonly wrangler: Wrangler
  serviceKey?: string | undefined
}

interface Step {
  readonly says: string
  readonly run: () => Promise<void>
}

await command(async function setup() {
  const { values } = readArguments({
    url: { type: 'string' },
    email: { type: 'string' },
    config: { type: 'string' },
    first: { type: 'boolean' },
    queue: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  })
  if (values.help) return console.log(HELP)
  const { url: PUBLIC_URL = process.env.PUBLIC_URL, email: ADMIN_EMAIL = process.env.ADMIN_EMAIL } = values
  const answers = await readAnswers({ ...process.env, PUBLIC_URL, ADMIN_EMAIL }, process.stdin.isTTY)
  const known = {
    config: values.config ?? join(ROOT, 'wrangler.toml'),
    isFirst: values.first ?? false,
    hasQueue: values.queue ?? false,
  }
  requireComplete(answers)
  const steps = listSteps({ answers, ...known, wrangler: openWrangler() })
  for (const [at, { says, run }] of steps.entries()) {
    console.log(`${at + 1}. ${says}`)
    if (!values['dry-run']) await run()
  }
  console.log(values['dry-run'] ? 'Nothing was done.' : `It is there: ${answers.PUBLIC_URL}/dashboard`)
})

/** Checks the configuration first: the Worker would refuse it only after everything else was done. */
function requireComplete(answers: Answers): void {
  requireFeature(readConfig({ ...answers, ...withExamples(process.env) }), 'management')
}

function listSteps(setup: Setup): Step[] {
  const { answers, hasQueue } = setup
  const { PUBLIC_URL, ADMIN_EMAIL } = answers
  return [
    { says: `Write PUBLIC_URL=${PUBLIC_URL} into wrangler.toml`, run: () => writeUrl(setup) },
    { says: 'Apply pending migrations', run: async () => void (await runScript('migrate', ['up'], answers)) },
    { says: 'Make the plans, the platform organization and a service key', run: () => makeServiceKey(setup) },
    {
      says: `Make ${ADMIN_EMAIL} an administrator`,
      run: async () => void (await runScript('admin', ['--email', ADMIN_EMAIL], answers)),
    },
    ...(hasQueue
      ? [{ says: 'Make the queue of usage, and write it into wrangler.toml', run: () => makeQueues(setup) }]
      : []),
    { says: 'Deploy the Worker with its secrets', run: () => deploy(setup) },
    {
      says: `Ask ${PUBLIC_URL} whether it is ready, and to verify a key`,
      run: () => smoke({ url: (process.env.SMOKE_URL || PUBLIC_URL).replace(/\/$/, ''), serviceKey: setup.serviceKey }),
    },
  ]
}

async function writeUrl({ config, answers }: Setup): Promise<void> {
  const text = await readFile(config, 'utf8')
  if (!/^PUBLIC_URL = ".*"$/m.test(text)) throw new Error(`${config} has no line PUBLIC_URL = "…".`)
  await writeFile(
    config,
    text.replace(/^PUBLIC_URL = ".*"$/m, () => `PUBLIC_URL = ${JSON.stringify(answers.PUBLIC_URL)}`),
  )
}

async function makeServiceKey(setup: Setup): Promise<void> {
  const said = await runScript('seed', ['--service-key'], setup.answers)
  setup.serviceKey = /shown this once: (\S+)/.exec(said)?.[1] ?? process.env.SERVICE_KEY // an existing one is not shown again
}

/** Secrets are passed to wrangler in a file that only this user can read. Secrets that are left out are not changed. */
async function deploy({ wrangler, answers, config, isFirst }: Setup): Promise<void> {
  const list = isFirst ? '' : await wrangler(['secret', 'list', '--format', 'json', '--config', config])
  const there = new Set([...list.matchAll(/"([A-Z_]+)"/g)].map(([, name = '']) => name))
  const { DATABASE_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = answers
  const secrets = {
    DATABASE_URL,
    UPSTASH_REDIS_REST_URL,
    UPSTASH_REDIS_REST_TOKEN,
    ...chooseSecrets(process.env, there),
  }
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-setup-'))
  try {
    const file = join(folder, 'secrets.json')
    await writeFile(file, JSON.stringify(secrets), { mode: 0o600 })
    await wrangler(['deploy', '--config', config, '--secrets-file', file])
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Runs one of the project's scripts, showing its output. @returns its standard output */
async function runScript(script: string, args: readonly string[], { DATABASE_URL }: Answers): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, `local/${script}.ts`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DATABASE_URL },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    process.stdout.write(chunk)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`npm run ${script} failed; what is done stays, and setup can be repeated.`)
  return output
}
