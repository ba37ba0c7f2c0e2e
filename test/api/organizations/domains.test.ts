import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { checkDomains } from '../../../src/organizations/domains/lapse.ts'
import { directly } from '../../support/direct.ts'
import { failFor } from '../../support/faults.ts'
import { call, eventually, newUser } from '../../support/http.ts'
import { mailTo, tokenIn } from '../../support/mail.ts'
import { addMember, ORGANIZATIONS } from '../../support/organizations.ts'
import { hidePlans, sellPlan } from '../../support/sold-plans.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const DAY = 24 * 3_600_000

const newDomain = () => `d${crypto.randomUUID()}.example.org`

/** Sets the TXT records of a name in the stack's DNS. */
const publish = (name: string, ...texts: string[]) =>
  fetch(`${env.STACK_URL}/dns/${name}`, { method: 'PUT', body: JSON.stringify(texts) })

/** Makes the address of somebody one of a domain, confirmed or not. */
async function withAddress(domain: string, isConfirmed = true) {
  const person = await newUser()
  const email = `p-${crypto.randomUUID()}@${domain}`
  await sql.query(
    `update users set email = $2, email_verified_at = case when $3::boolean then now() end where id = $1`,
    [person.user.id, email, isConfirmed],
  )
  return { ...person, email }
}

async function newOrganization() {
  const owner = await newUser({ organization: 'Acme' })
  const path = `${ORGANIZATIONS}/${owner.user.organization_id}`
  const add = (body: object) => call(`POST ${path}/domains`, { ...owner, body })
  const verify = (id: string) => call(`POST ${path}/domains/${id}/verify`, owner)
  const list = async () => (await call(`GET ${path}/domains`, owner)).body.data
  return { owner, id: owner.user.organization_id as string, path, add, verify, list }
}

/** An organization with a verified domain, whose people join as members. */
async function verifiedOrganization(join_role: string | null = 'member') {
  const organization = await newOrganization()
  const domain = newDomain()
  const { body: added } = await organization.add({ domain, join_role })
  await publish(added.record.name, added.record.value)
  const verified = await organization.verify(added.id)
  expect(verified).toMatchObject({ status: 200, body: { verified_at: expect.any(String) } })
  return {
    ...organization,
    domain,
    domainId: added.id as string,
    record: added.record as { name: string; value: string },
  }
}

const joinable = async (token: string) => (await call('GET /api/v1/auth/joinable-organizations', { token })).body.data
const join = (id: string, { token }: { token: string }) => call(`POST ${ORGANIZATIONS}/${id}/join`, { token })

describe('a domain', () => {
  test('is verified by its TXT record, among others, even in pieces', async () => {
    const { add, verify, list } = await newOrganization()
    const domain = newDomain()
    const { status, body } = await add({ domain: domain.toUpperCase() })
    expect([status, body.domain, body.verified_at, body.join_role]).toEqual([201, domain, null, null])
    expect(body.record).toEqual({
      type: 'TXT',
      name: `_tollgate-challenge.${domain}`,
      value: expect.stringMatching(/^tollgate-domain-verification=[0-9a-f]{32}$/),
    })
    const refused = await verify(body.id)
    expect([refused.status, refused.body.code]).toEqual([409, 'domain_not_verified'])
    expect(refused.body.detail).toContain(body.record.value)
    expect(refused.body.detail).toContain('has no TXT record yet')
    await publish(body.record.name, 'v=spf1 -all', `${body.record.value}0`)
    expect((await verify(body.id)).body.detail).toContain('has other TXT records')
    await publish(body.record.name, 'x'.repeat(300), `"odd" \\ text`, body.record.value)
    expect((await verify(body.id)).body.verified_at).toEqual(expect.any(String))
    expect(await list()).toMatchObject([{ id: body.id, verified_at: expect.any(String) }])
    const acts = await sql.query(`select action from audit_logs where target_id = $1 order by id`, [body.id])
    expect(acts.map(({ action }) => action)).toEqual(['domain.added', 'domain.verified'])
  })

  test('stays unverified while the DNS does not answer, or fails', async () => {
    const { add, verify } = await newOrganization()
    const domain = newDomain()
    const { body } = await add({ domain })
    await publish(body.record.name, body.record.value)
    for (const fault of [{ kind: 'status', value: 503 }, { kind: 'truncate' }, { kind: 'reset_before' }] as const) {
      await failFor(domain, { door: 'dns', count: 1, ...fault })
      const { status, body: problem } = await verify(body.id)
      expect([status, problem.code]).toEqual([503, 'dns_unavailable'])
    }
    expect((await verify(body.id)).status).toBe(200)
  })

  test.each(['localhost', 'a b.example.org', 'https://acme.com', 'me@acme.com', '10.0.0.1', '', '\u212A.example.org'])(
    'is refused by name if it is invalid (%j)',
    async (domain) => {
      const { add } = await newOrganization()
      const { status, body } = await add({ domain })
      expect([status, body.errors?.[0]?.path]).toEqual([400, 'body.domain'])
    },
  )

  test('can be added once, and there are at most twenty', async () => {
    const { add } = await newOrganization()
    const domain = newDomain()
    await add({ domain })
    expect((await add({ domain: ` ${domain} ` })).body.code).toBe('domain_known')
    for (let count = 1; count < 20; count++) expect((await add({ domain: newDomain() })).status).toBe(201)
    expect((await add({ domain: newDomain() })).body.code).toBe('domain_limit_reached')
  })

  test('can be changed by admins and seen by all members', async () => {
    const { id, path, domainId, owner } = await verifiedOrganization()
    const member = await newUser()
    await addMember(id, member.user.id, 'member')
    expect((await call(`GET ${path}/domains`, member)).body.data).toHaveLength(1)
    for (const line of [`POST ${path}/domains/${domainId}/verify`, `DELETE ${path}/domains/${domainId}`])
      expect((await call(line, member)).body.code).toBe('forbidden')
    const body = { join_role: 'admin' }
    expect((await call(`PATCH ${path}/domains/${domainId}`, { ...owner, body })).status).toBe(400)
  })
})

describe('two organizations that name one domain', () => {
  test('cannot both have it verified, even if they try at once', async () => {
    const domain = newDomain()
    const [first, second] = [await newOrganization(), await newOrganization()]
    const added = [(await first.add({ domain })).body, (await second.add({ domain })).body]
    await publish(added[0].record.name, ...added.map(({ record }) => record.value))
    const answers = await Promise.all([first.verify(added[0].id), second.verify(added[1].id)])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('domain_taken')
  })

  test('transfer it by the DNS: once the first record is gone, the second one counts', async () => {
    const first = await verifiedOrganization()
    const second = await newOrganization()
    const { body } = await second.add({ domain: first.domain, join_role: 'viewer' })
    await publish(body.record.name, first.record.value, body.record.value)
    expect((await second.verify(body.id)).body.code).toBe('domain_taken')
    await publish(body.record.name, body.record.value)
    const answers = await Promise.all([second.verify(body.id), second.verify(body.id), second.verify(body.id)])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await first.list()).toMatchObject([{ verified_at: null }])
    const mail = await mailTo(first.owner.email, /^A domain of Acme is no longer verified/)
    expect(mail.text).toContain(first.domain)
    const acts = await sql.query(`select 1 from audit_logs where target_id = $1 and action = 'domain.lapsed'`, [
      first.domainId,
    ])
    expect(acts).toHaveLength(1)
    const verified = await sql.query(`select 1 from audit_logs where target_id = $1 and action = 'domain.verified'`, [
      body.id,
    ])
    expect(verified).toHaveLength(1)
    const person = await withAddress(first.domain)
    expect(await joinable(person.token)).toMatchObject([{ organization_id: second.id, role: 'viewer' }])
  })
})

describe('joining by domain', () => {
  test('is offered to whoever has confirmed an address of it, with the role that the domain sets', async () => {
    const { id, domain, owner, path } = await verifiedOrganization()
    const person = await withAddress(domain)
    expect(await joinable(person.token)).toEqual([{ organization_id: id, name: 'Acme', role: 'member' }])
    const answers = await Promise.all([join(id, person), join(id, person)])
    for (const { status, body } of answers) expect([status, body.id, body.role]).toEqual([200, id, 'member'])
    expect(await joinable(person.token)).toEqual([])
    expect((await call(`GET ${path}/members`, owner)).body.data).toHaveLength(2)
    const acts = await sql.query(
      `select detail from audit_logs where organization_id = $1 and action = 'member.joined'`,
      [id],
    )
    expect(acts).toEqual([{ detail: { role: 'member', by: 'domain' } }])
    expect((await join(id, owner)).body.role).toBe('owner')
  })

  test.each([
    ['an address that is not confirmed', (domain: string) => withAddress(domain, false)],
    ['an address of a subdomain', (domain: string) => withAddress(`mail.${domain}`)],
    ['an address that only ends like it', (domain: string) => withAddress(`x${domain}`)],
    ['another address', () => newUser()],
  ])('is not offered to %s, for whom the organization does not exist', async (_, makePerson) => {
    const { id, domain } = await verifiedOrganization()
    const person = await makePerson(domain)
    expect(await joinable(person.token)).toEqual([])
    const [refused, unknown] = [await join(id, person), await join(crypto.randomUUID(), person)]
    expect([refused.status, refused.body.code]).toEqual([404, 'organization_not_found'])
    expect({ ...unknown.body, request_id: 0 }).toEqual({ ...refused.body, request_id: 0 })
  })

  test('ends with the role, the domain, or its verification', async () => {
    const { id, domain, domainId, path, owner } = await verifiedOrganization()
    const person = await withAddress(domain)
    const patch = (join_role: string | null) =>
      call(`PATCH ${path}/domains/${domainId}`, { ...owner, body: { join_role } })
    expect((await patch(null)).body.join_role).toBeNull()
    expect((await join(id, person)).status).toBe(404)
    await patch('viewer')
    expect(await joinable(person.token)).toMatchObject([{ role: 'viewer' }])
    expect((await call(`DELETE ${path}/domains/${domainId}`, owner)).status).toBe(204)
    expect((await join(id, person)).status).toBe(404)
    expect((await call(`DELETE ${path}/domains/${domainId}`, owner)).body.code).toBe('domain_not_found')
  })

  test('is refused to a removed member until they are invited; a member who left may return', async () => {
    const { id, domain, path, owner } = await verifiedOrganization()
    const [removed, gone] = [await withAddress(domain), await withAddress(domain)]
    await Promise.all([join(id, removed), join(id, gone)])
    await call(`DELETE ${path}/members/${removed.user.id}`, owner)
    await call(`POST ${path}/leave`, gone)
    expect([(await join(id, removed)).status, (await join(id, gone)).status]).toEqual([404, 200])
    await call(`POST ${path}/invitations`, { ...owner, body: { email: removed.email, role: 'viewer' } })
    const token = tokenIn(await mailTo(removed.email, /^You are invited/))
    await call('POST /api/v1/organizations/invitations/accept', { token: removed.token, body: { token } })
    await call(`POST ${path}/leave`, removed)
    expect((await join(id, removed)).body.role).toBe('member')
  })

  test('takes a seat of the plan', async () => {
    const { id, domain } = await verifiedOrganization()
    const person = await withAddress(domain)
    const plan = await sellPlan('polar', { prices: [{ cents: 500, seat: 500 }], seats: { included: 1, max: 5 } })
    await hidePlans([plan])
    await sql.query(`update organizations set plan_id = $2 where id = $1`, [id, plan])
    const { status, body } = await join(id, person)
    expect([status, body.code]).toEqual([409, 'seat_limit_reached'])
  })
})

describe('the job that looks at the records again', () => {
  const runAt = (at: number) => checkDomains({ ...directly(), now: () => at })
  const stateOf = async (id: string) => {
    const [row] = await sql.query(
      `select missed, verified_at is not null as verified from organization_domains where id = $1`,
      [id],
    )
    return [row?.missed, row?.verified]
  }

  test('ends a verification whose record was missing on three days, and notifies the owners', async () => {
    const { domainId, record, owner, domain } = await verifiedOrganization()
    await publish(record.name)
    const start = Date.now()
    await runAt(start + 6 * DAY)
    expect(await stateOf(domainId)).toEqual([0, true]) // not due yet
    await runAt(start + 8 * DAY)
    expect(await stateOf(domainId)).toEqual([1, true])
    await runAt(start + 8.5 * DAY)
    await runAt(start + 9.5 * DAY)
    expect(await stateOf(domainId)).toEqual([2, true])
    await Promise.all([runAt(start + 11 * DAY), runAt(start + 11 * DAY)])
    expect(await stateOf(domainId)).toEqual([0, false])
    const mail = await mailTo(owner.email, /no longer verified/)
    expect(mail.text).toContain(`The domain: ${domain}`)
    const acts = await sql.query(
      `select actor_type from audit_logs where target_id = $1 and action = 'domain.lapsed'`,
      [domainId],
    )
    expect(acts).toEqual([{ actor_type: 'system' }])
  })

  test('checks all in turn, even if the DNS of more domains than fit in a run never answers', async () => {
    const { id, domainId } = await verifiedOrganization()
    const dead = `dead-${crypto.randomUUID()}`
    await sql.query(
      `insert into organization_domains (id, organization_id, domain, token, verified_at, checked_at)
       select gen_random_uuid(), $1, n || '.' || $2 || '.example', 'x', now(), '2020-01-01' from generate_series(1, 60) n`,
      [id, dead],
    )
    await failFor(dead, { door: 'dns', kind: 'status', value: 503, count: 600 })
    const at = Date.now() + 8 * DAY
    const isChecked = async () => {
      await runAt(at)
      const [row] = await sql.query(
        'select checked_at > now() + $2::interval as is_new from organization_domains where id = $1',
        [domainId, '7 days'],
      )
      return row?.is_new
    }
    expect(await eventually(isChecked, (isNew) => isNew === true)).toBe(true)
    await sql.query('delete from organization_domains where domain like $1', [`%${dead}%`])
  })

  test('forgets a miss once the record is back, and ignores a DNS that does not answer', async () => {
    const { domainId, record, domain } = await verifiedOrganization()
    const start = Date.now()
    await publish(record.name)
    await runAt(start + 8 * DAY)
    await failFor(domain, { door: 'dns', kind: 'status', value: 503, count: 1 })
    expect((await runAt(start + 10 * DAY)).unknown).toBeGreaterThan(0)
    expect(await stateOf(domainId)).toEqual([1, true])
    await publish(record.name, record.value)
    await runAt(start + 10 * DAY)
    expect(await stateOf(domainId)).toEqual([0, true])
  })
})
