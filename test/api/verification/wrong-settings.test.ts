import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, inject, test, vi } from 'vitest'
import { app } from '../../../src/app.ts'
import { dropAuditPartitions } from '../../../src/audit/partitions.ts'
import { toBillingClock } from '../../../src/billing/subscriptions/sync.ts'
import { SETTINGS } from '../../../src/config.ts'
import { VERIFICATION } from '../../../src/config-features.ts'
import { createDeps } from '../../../src/create-deps.ts'
import type { ManagementDeps } from '../../../src/deps.ts'
import { JOBS } from '../../../src/jobs/registry.ts'
import { compactHours } from '../../../src/metering/compact-hours.ts'
import { eraseOldData } from '../../../src/privacy/erase-old.ts'
import { newKeyHolder } from '../../support/http.ts'

const others = Object.keys(SETTINGS).filter((name) => !VERIFICATION.some((one) => one === name))

async function verifyWith(variables: Record<string, string>, key: string): Promise<unknown> {
  const headers = {
    Authorization: `Bearer ${inject('credentials').service_key}`,
    'Content-Type': 'application/json',
    'CF-Connecting-IP': '203.0.113.7',
  }
  const init = { method: 'POST', headers, body: JSON.stringify({ key }) }
  const answer = await app.request('/api/v1/keys/verify', init, { ...env, ...variables }, createExecutionContext())
  return ((await answer.json()) as { code: string }).code
}

function depsWith(variables: Record<string, string>) {
  const deps = createDeps({ ...env, ...variables }, { waitUntil: () => undefined })
  return deps as ManagementDeps
}

test('a verification goes on whichever setting that it does not need is wrong', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const stopped: string[] = []
  for (const value of ['', '!']) {
    const { key } = await newKeyHolder() // each within its rate limit
    for (const name of others) if ((await verifyWith({ [name]: value }, key)) !== 'VALID') stopped.push(name)
  }
  expect(stopped).toEqual([])
})

test('with a wrong retention nothing is dropped, and the job fails by the name of the setting', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const past = 0 // nothing is that old
  const audit = depsWith({ AUDIT_RETENTION_DAYS: '30' })
  await expect(dropAuditPartitions(audit, past)).rejects.toThrow('AUDIT_RETENTION_DAYS must be a whole number')
  const usage = depsWith({ USAGE_RETENTION_DAYS: '7' })
  const drop = JOBS.find(({ name }) => name === 'drop-usage-partitions')
  await expect(drop?.run(usage, past)).rejects.toThrow('USAGE_RETENTION_DAYS must be a whole number')
  await expect(compactHours(usage, past)).rejects.toThrow('USAGE_RETENTION_DAYS')
  await expect(eraseOldData(usage, past)).rejects.toThrow('Not erased: usage_events, late_usage_events.')
})

test.each([{ USAGE_PERIODS: 'billing' }, { BILLING_GRACE_DAYS: '120' }, { BILLING_GRACE_DAYS: '' }])(
  'no subscription is decided with %o',
  (variables: Record<string, string>) => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(() => toBillingClock(depsWith(variables))).toThrow(Object.keys(variables)[0])
  },
)
