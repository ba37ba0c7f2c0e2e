import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { SETTINGS } from '../../../src/config.ts'
import { ROOT } from '../scripts/support.ts'

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly if?: string
  readonly env?: Readonly<Record<string, string>>
}
interface Job {
  readonly uses?: string
  readonly needs?: string
  readonly if?: string
  readonly env?: unknown
  readonly secrets?: unknown
  readonly concurrency?: unknown
  readonly 'timeout-minutes': number
  readonly steps?: readonly Step[]
}
interface Workflow {
  readonly permissions: unknown
  readonly env?: unknown
  readonly concurrency?: { readonly group: string; readonly 'cancel-in-progress': unknown }
  readonly jobs: Readonly<Record<string, Job>>
}

const FOLDER = join(ROOT, '.github/workflows')
const files = await readdir(FOLDER)
const read = async (file: string) => parse(await readFile(join(FOLDER, file), 'utf8')) as Workflow
const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps = [] }) => steps)
const packageJson = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  cloudflare: { bindings: Record<string, { description: string }> }
}

test.each(files)('%s may only read the repository, and has a time limit', async (file) => {
  const workflow = await read(file)
  expect(workflow.permissions).toEqual({ contents: 'read' })
  for (const job of Object.values(workflow.jobs)) if (!job.uses) expect(job['timeout-minutes']).toBeGreaterThan(0)
})

test.each(files)('%s uses actions by the hash of a commit, and commands that exist', async (file) => {
  for (const { uses, run } of stepsOf(await read(file))) {
    if (uses) expect(uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
    const [, script = run ?? ''] = /^node (\S+)/.exec(run ?? '') ?? []
    if (run && !run.startsWith('npm ci')) expect(existsSync(join(ROOT, script)), run).toBe(true)
  }
})

test.each(files)('%s gives no secret to what npm installs: no job has one, and no step that installs', async (file) => {
  const { env, jobs } = await read(file)
  expect(env).toBeUndefined()
  for (const job of Object.values(jobs)) expect([job.env, job.secrets]).toEqual([undefined, undefined])
  const steps = stepsOf({ permissions: {}, jobs })
  for (const step of steps) if (step.run?.startsWith('npm')) expect(step.env).toBeUndefined()
  const hasSecrets = steps.some(({ env: given }) => JSON.stringify(given ?? {}).includes('secrets.'))
  const installs = steps.filter(({ run }) => run?.startsWith('npm ci'))
  if (hasSecrets) for (const { run } of installs) expect(run).toBe('npm ci --ignore-scripts')
})

test('a deployment waits for CI and migrates before it rolls out', async () => {
  const { jobs } = await read('deploy.yml')
  const { ci, deploy } = jobs
  expect(ci).toMatchObject({ uses: './.github/workflows/ci.yml', if: '${{ !inputs.rollback }}' })
  expect(await read('ci.yml')).toMatchObject({ on: { workflow_call: null } })
  expect(deploy).toMatchObject({
    needs: 'ci',
    if: '${{ !inputs.rollback }}',
  })
  const at = (text: string) => (deploy?.steps ?? []).findIndex(({ run }) => run?.includes(text))
  expect(at('local/migrate.ts up')).toBeGreaterThan(at('npm ci'))
  expect(at('local/roll-out.ts')).toBeGreaterThan(at('local/migrate.ts up'))
})

test('only a rollback ends a deployment that is under way, also one that is still in CI', async () => {
  const { concurrency, jobs } = await read('deploy.yml')
  expect(concurrency).toEqual({ group: 'deploy', 'cancel-in-progress': '${{ inputs.rollback == true }}' })
  expect(Object.values(jobs).filter((job) => job.concurrency)).toEqual([]) // a job cannot wait for the group of its own run
  expect(jobs['roll-back']).toMatchObject({ if: 'inputs.rollback' })
  expect(jobs['roll-back']?.needs).toBeUndefined()
  expect(jobs['roll-back']?.steps?.at(-1)?.run).toBe('node local/roll-out.ts --back')
})

test('the CI of a deployment and that of its branch do not end each other', async () => {
  const { concurrency } = await read('ci.yml')
  expect(concurrency?.group).toBe('ci-${{ github.workflow }}-${{ github.ref }}')
})

test('secrets are passed to the steps that need them, never written into a command', async () => {
  for (const file of files) for (const { run } of stepsOf(await read(file))) expect(run ?? '').not.toMatch(/\$\{\{/)
})

test('the deploy button asks for every secret of the example file, with an explanation', async () => {
  const example = await readFile(join(ROOT, '.dev.vars.example'), 'utf8')
  const secrets = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name = '']) => name)
  const { bindings } = packageJson.cloudflare
  expect(Object.keys(bindings).toSorted()).toEqual(secrets.toSorted())
  for (const [name, { description }] of Object.entries(bindings)) {
    expect(SETTINGS).toHaveProperty([name])
    expect(description.length).toBeGreaterThan(20)
  }
})
