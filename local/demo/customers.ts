import type { Traffic } from './traffic.ts'

export interface DemoKey {
  readonly name: string
  readonly environment: 'live' | 'test'
  readonly scopes: readonly string[]
  /** Its share of the traffic; 0 for a key that was never used. */
  readonly weight: number
  readonly expiresInDays?: number
  readonly limits?: readonly object[]
  readonly fate?: 'disabled' | 'revoked'
}

interface Person {
  readonly email: string
  readonly name: string
}

export interface DemoCustomer {
  readonly externalId: string
  readonly name: string
  readonly owner: Person
  readonly members: readonly (Person & { readonly role: 'admin' | 'member' | 'viewer' })[]
  readonly invited: readonly { readonly email: string; readonly role: 'admin' | 'member' | 'viewer' }[]
  readonly keys: readonly DemoKey[]
  readonly traffic: Traffic
  /** Bought at a local payment provider. */
  readonly bought?: { readonly plan: string; readonly provider: 'polar' | 'stripe' }
  readonly isPastDue?: true
  /** How much of its tokens it has used, as a fraction: its limit is set accordingly. */
  readonly tokensUsed?: number
  /** Granted before its usage, which burns some of them. */
  readonly credits?: readonly {
    readonly amount: string
    readonly reason: string
    readonly source?: 'purchase'
    readonly expiresInDays?: number
  }[]
  /** Where its webhooks go: the path decides how the local catcher answers. */
  readonly webhooks: readonly { readonly path: string; readonly description: string }[]
}

const answers = { path: '/v1/answers', method: 'POST', weight: 5, tokens: [1_400, 420], usualMs: 900 } as const
const summaries = { path: '/v1/summaries', method: 'POST', weight: 2, tokens: [3_200, 260], usualMs: 1_400 } as const
const search = { path: '/v1/search', method: 'GET', weight: 6, usualMs: 70 } as const
const documents = { path: '/v1/documents', method: 'POST', weight: 2, usualMs: 160, pages: 12 } as const

const gpt = { provider: 'openai', model: 'gpt-4o', weight: 3 } as const
const mini = { provider: 'openai', model: 'gpt-4o-mini', weight: 5 } as const
const sonnet = { provider: 'anthropic', model: 'claude-sonnet-4-5', weight: 3 } as const
const haiku = { provider: 'anthropic', model: 'claude-haiku-4-5', weight: 2 } as const
/** The customer's own model, which has no known price. */
const own = { provider: 'northwind', model: 'rerank-1', weight: 1 } as const

const PAGES_A_DAY = { name: 'documents', meter: 'pages', limit: 500, period: 'day' } as const

/** Three customers that differ in what an operator looks for: one near its limit, one that does not pay, one that is idle. */
export const DEMO_CUSTOMERS: readonly [DemoCustomer, ...DemoCustomer[]] = [
  {
    externalId: 'demo-northwind',
    name: 'Northwind Labs',
    owner: { email: 'demo@example.com', name: 'Mira Lindqvist' },
    members: [
      { email: 'jonas@northwind.example', name: 'Jonas Weber', role: 'admin' },
      { email: 'priya@northwind.example', name: 'Priya Nair', role: 'member' },
      { email: 'tomas@northwind.example', name: 'Tomás Rey', role: 'viewer' },
    ],
    invited: [
      { email: 'lea@northwind.example', role: 'member' },
      { email: 'audit@northwind.example', role: 'viewer' },
    ],
    keys: [
      { name: 'Production', environment: 'live', scopes: ['answers:*', 'search:read'], weight: 12 },
      {
        name: 'Nightly import',
        environment: 'live',
        scopes: ['documents:write'],
        weight: 3,
        expiresInDays: 5,
        limits: [PAGES_A_DAY],
      },
      { name: 'Mobile app', environment: 'live', scopes: ['search:read'], weight: 5 },
      { name: 'Continuous integration', environment: 'test', scopes: [], weight: 1, expiresInDays: 80 },
      { name: 'Old website', environment: 'live', scopes: [], weight: 0.5, fate: 'disabled' },
      { name: 'Contractor', environment: 'live', scopes: ['search:read'], weight: 0, fate: 'revoked' },
    ],
    traffic: {
      callsPerDay: 160,
      startsAt: 0.45,
      endedDaysAgo: 0,
      failing: 0.015,
      refused: 0.02,
      badDayAgo: 9,
      endpoints: [answers, summaries, search, documents],
      models: [gpt, mini, sonnet, own],
    },
    bought: { plan: 'builder', provider: 'polar' },
    tokensUsed: 0.91,
    credits: [
      { amount: '25.00', reason: 'Welcome credits', expiresInDays: 60 },
      { amount: '50.00', reason: 'Bank transfer of October', source: 'purchase' },
    ],
    webhooks: [
      { path: '/northwind', description: 'Billing service' },
      { path: '/northwind-old?status=500', description: 'Old reporting' },
    ],
  },
  {
    externalId: 'demo-harbor',
    name: 'Harbor Analytics',
    owner: { email: 'ada@harbor.example', name: 'Ada Okafor' },
    members: [{ email: 'sven@harbor.example', name: 'Sven Dahl', role: 'admin' }],
    invited: [{ email: 'finance@harbor.example', role: 'admin' }],
    keys: [
      { name: 'Dashboards', environment: 'live', scopes: ['search:read'], weight: 4 },
      { name: 'Batch reports', environment: 'live', scopes: ['answers:*'], weight: 3 },
      { name: 'Staging', environment: 'test', scopes: [], weight: 1 },
    ],
    traffic: {
      callsPerDay: 70,
      startsAt: 0.9,
      endedDaysAgo: 0,
      failing: 0.03,
      refused: 0.005,
      endpoints: [search, answers, documents],
      models: [haiku, mini],
    },
    bought: { plan: 'advanced', provider: 'stripe' },
    isPastDue: true,
    webhooks: [{ path: '/harbor', description: 'Data platform' }],
  },
  {
    externalId: 'demo-quiet-fox',
    name: 'Quiet Fox Studio',
    owner: { email: 'noor@quietfox.example', name: 'Noor Haddad' },
    members: [],
    invited: [],
    keys: [{ name: 'Prototype', environment: 'live', scopes: [], weight: 1, expiresInDays: 2 }],
    traffic: {
      callsPerDay: 12,
      startsAt: 1.5,
      endedDaysAgo: 23,
      failing: 0.05,
      refused: 0,
      endpoints: [{ ...answers, weight: 1 }, search],
      models: [mini],
    },
    webhooks: [],
  },
]
