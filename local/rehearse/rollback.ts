/** A release whose Worker cannot write usage gets all requests, and is rolled back; the schema stays that of the release. */
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Customer, newCustomer, verify } from './customer.ts'
import { openDeployment } from './deployment.ts'
import { expect, until, type World } from './world.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** What a checkout needs in order to build the Worker, migrate and roll out. */
const SOURCES = ['bench', 'local', 'migrations', 'src', 'package.json', 'wrangler.toml']
const JOURNAL = 'migrations/meta/_journal.json'

/** The schema of the release: it expands the previous one. */
const EXPANSION = `alter table "usage_periods" add column "of_next_release" bigint not null default 0;
--> statement-breakpoint
alter table "api_keys" add column "of_next_release" text;
--> statement-breakpoint
create table "next_release" ("id" uuid primary key);
`
const CONTRACTION = `drop table "next_release";
--> statement-breakpoint
alter table "api_keys" drop column "of_next_release";
--> statement-breakpoint
alter table "usage_periods" drop column "of_next_release";
`
/** The release's mistake: its statement for usage calls a function that does not exist. */
const MISTAKE = {
  file: 'src/metering/write.ts',
  right: '`select * from ${name}($1)`',
  wrong: '`select * from of_next_release($1)`',
}

export async function rollBackRelease(world: World): Promise<void> {
  const folder = await makeRelease(join(world.folder, 'release'))
  const deployment = await openDeployment(world.variables, world.folder)
  try {
    await rollBackAt(world.at(deployment.url, { ...deployment.environment, RELEASE_FOLDER: folder }))
  } finally {
    await deployment.close()
  }
}

async function rollBackAt(world: World): Promise<void> {
  const customer = await newCustomer(world)
  const { id, externalId, key } = customer
  for (let at = 0; at < 2; at++) expect((await verify(world, key)).valid, 'a call within the limit is valid')
  await untilCounted(world, id, 2)

  await world.run('cd "$RELEASE_FOLDER" && npm run --silent migrate -- up')
  const said = await world.run('cd "$RELEASE_FOLDER" && npm run --silent roll-out -- --steps 50 --pause 1')
  expect(said.includes('version-2 has all requests.'), `nothing is wrong with the release at first sight: ${said}`)

  for (let at = 0; at < 3; at++) expect((await verify(world, key)).valid, 'verification goes on')
  const event = { id: `${externalId}-1`, external_id: externalId, api_calls: 2, timestamp: new Date().toISOString() }
  const answer = await world.service.call<{ spooled?: boolean }>('POST', '/usage', { events: [event] })
  expect(answer.spooled === true, 'usage that the release cannot write waits in Redis')

  const printed = await world.follow('A release is wrong', async (place) => {
    if (place === 1) await expectRolledBack(world, customer)
    return {}
  })
  expect(printed[1]?.includes('"status":"ready"') ?? false, `the version before is ready: ${printed[1]}`)
  expect((await verify(world, key)).valid, 'it works with its own schema again')
  await untilCounted(world, id, 10)
  expect((await verify(world, key)).code === 'QUOTA_EXCEEDED', 'no call was lost: the limit of ten holds')
}

/** The previous version gets all requests, with the schema of the release. */
async function expectRolledBack(world: World, { id, externalId, key }: Customer): Promise<void> {
  const [column] = await world.sql.query(
    `select 1 from information_schema.columns where table_name = 'usage_periods' and column_name = 'of_next_release'`,
  )
  expect(column !== undefined, 'the schema is still that of the release')
  const event = { id: `${externalId}-2`, external_id: externalId, api_calls: 1, timestamp: new Date().toISOString() }
  await world.service.call('POST', '/usage?durability=sync', { events: [event] })
  await world.runJobs()
  await untilCounted(world, id, 8)
  expect((await verify(world, key)).valid, 'no call was counted twice')
  await untilCounted(world, id, 9)
}

/** Waits until Postgres has this many calls of an organization. */
const untilCounted = ({ sql }: World, id: string, calls: number) =>
  until(`${calls} calls are written`, async () => {
    const [row] = await sql.query('select sum(api_calls)::int as calls from usage_periods where organization_id = $1', [
      id,
    ])
    return row?.['calls'] === calls
  })

/** A checkout of a fictional release: these sources with one more migration, and a mistake. */
async function makeRelease(folder: string): Promise<string> {
  await mkdir(folder)
  for (const name of SOURCES) await cp(join(ROOT, name), join(folder, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))

  const journal = JSON.parse(await readFile(join(folder, JOURNAL), 'utf8')) as { entries: { tag: string }[] }
  const number = Number.parseInt(journal.entries.at(-1)?.tag ?? '', 10) + 1
  const tag = `${String(number).padStart(4, '0')}_next_release`
  journal.entries.push({ ...journal.entries.at(-1), tag })
  await writeFile(join(folder, JOURNAL), JSON.stringify(journal))
  await writeFile(join(folder, 'migrations', `${tag}.sql`), EXPANSION)
  await writeFile(join(folder, 'migrations', `${tag}.down.sql`), CONTRACTION)

  const file = join(folder, MISTAKE.file)
  const source = await readFile(file, 'utf8')
  expect(source.includes(MISTAKE.right), `${MISTAKE.file} has the statement in which the release is wrong`)
  await writeFile(file, source.replace(MISTAKE.right, MISTAKE.wrong))
  return folder
}
