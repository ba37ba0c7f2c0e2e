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
interface Workflow {
  readonly permissions: unknown
  readonly concurrency: { readonly 'cancel-in-progress': boolean }
  readonly jobs: Readonly<Record<string, { readonly 'timeout-minutes': number; readonly steps: readonly Step[] }>>
}

const FOLDER = join(ROOT, '.github/workflows')
const files = await readdir(FOLDER)
const read = async (file: string) => parse(await readFile(join(FOLDER, file), 'utf8')) as Workflow
const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps }) => steps)
const packageJson = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
  cloudflare: { bindings: Record<string, { description: string }> }
}

test.each(files)(
  '%s may only read the repository, has a time limit, and pins the versions of what it uses',
  async (file) => {
    const workflow = await read(file)
    expect(workflow.permissions).toEqual({ contents: 'read' })
    for (const job of Object.values(workflow.jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0)
    for (const { uses, run } of stepsOf(workflow)) {
      if (uses) expect(uses).toMatch(/^[\w-]+\/[\w-]+@v\d+$/)
      const [, script] = /npm run (\S+)/.exec(run ?? '') ?? []
      if (script) expect(packageJson.scripts, run).toHaveProperty([script])
      else if (run && !/^(npm ci|npx wrangler )/.test(run)) expect(existsSync(join(ROOT, run)), run).toBe(true)
    }
  },
)

test('a deployment migrates before it rolls out, is never canceled by another one, and can be rolled back', async () => {
  const workflow = await read('deploy.yml')
  expect(workflow.concurrency['cancel-in-progress']).toBe(false)
  const steps = stepsOf(workflow)
  const at = (text: string) => steps.findIndex(({ run }) => run?.includes(text))
  expect(at('npm run migrate -- up')).toBeGreaterThan(at('npm ci'))
  expect(at('npm run roll-out')).toBeGreaterThan(at('npm run migrate -- up'))
  expect(steps[at('wrangler rollback')]?.if).toBe('inputs.rollback')
  for (const name of ['npm run migrate', 'npm run roll-out'])
    expect(steps[at(name)]?.if).toBe('${{ !inputs.rollback }}')
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
