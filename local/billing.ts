import { findAllDrift } from '../src/billing/reconcile/drift.ts'
import { replayEvents } from '../src/billing/reconcile/replay.ts'
import { createDeps } from '../src/create-deps.ts'
import { systemDeps } from '../src/db/system-deps.ts'
import type { ManagementDeps } from '../src/deps.ts'
import { openStores } from './stand-alone/open-stores.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'

const HELP = `Usage: npm run billing -- replay [--event ID | --failed]
       npm run billing -- drift

replay  does once more what follows from stored events of the payment providers, in the order in which they came:
        --event ID  one of them, by the provider's id or ours
        --failed    those that are not done
        neither     all
drift   prints what differs between the providers and the database, one line each; repairs nothing

It needs the same variables as the Worker (.dev.vars.example), or as npm start. The exit code is 1 when something failed or differs.`

type Values = { readonly event?: string; readonly failed?: boolean }

const ACTS = { replay, drift } as const

await command(async function billing() {
  const { positionals, values } = readArguments({ event: { type: 'string' }, failed: { type: 'boolean' } }, 1)
  if (values.help || positionals.length === 0) return console.log(HELP)
  const [act = '', ...others] = positionals
  const run = Object.hasOwn(ACTS, act) && others.length === 0 ? ACTS[act as keyof typeof ACTS] : undefined
  if (!run || (values.event !== undefined && values.failed)) throw new Error('See npm run billing -- --help')
  await withDeps((deps) => run(deps, values))
})

async function withDeps(work: (deps: ManagementDeps) => Promise<void>): Promise<void> {
  const { env, sql, close } = await openStores(process.env)
  const after: Promise<unknown>[] = []
  try {
    const deps = createDeps(env, { waitUntil: (promise) => void after.push(promise) })
    await work(systemDeps({ ...deps, sql }))
    await Promise.all(after)
  } finally {
    await close()
  }
}

async function replay(deps: ManagementDeps, { event, failed = false }: Values): Promise<void> {
  const { done, failed: left } = await replayEvents(deps, { event, isOpen: failed }, ({ event: one, result }) =>
    console.log(`${one.provider} ${one.eventId} ${one.type}: ${result}`),
  )
  if (event !== undefined && done + left === 0) throw new Error(`There is no event ${event}.`)
  console.log(`${done} done, ${left} not.`)
  if (left > 0) process.exitCode = 1
}

async function drift(deps: ManagementDeps): Promise<void> {
  const { compared, isWhole, drifts } = await findAllDrift(deps)
  for (const { provider, kind, subscriptionId, organizationId, fields, isRepairable } of drifts)
    console.log(
      [
        provider,
        subscriptionId,
        organizationId ?? '-',
        kind,
        fields.join(',') || '-',
        isRepairable ? 'repairable' : 'for a person',
      ].join(' '),
    )
  console.log(`${compared} compared, ${drifts.length} differ.`)
  if (!isWhole) console.log('A provider lists more than one run compares. The hourly job compares all, part by part.')
  if (drifts.length > 0) process.exitCode = 1
}
