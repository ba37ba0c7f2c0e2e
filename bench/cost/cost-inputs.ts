/**
 * All inputs of docs/operate/cost.md: public list prices in US dollars, before taxes and discounts, and assumptions that are not
 * measured. The bytes per row of a roll-up are measured in docs/operate/scale.md.
 */
export const INPUTS = {
  workersPlan: [5, 'Workers Paid, a month, with 10 million requests and 30 million ms of CPU'],
  workersPerMillionRequests: [0.3, 'Workers, each million requests beyond that; calls over a service binding are none'],
  workersPerMillionCpuMs: [0.02, 'Workers, each million ms of CPU beyond that'],
  upstashPer100kCommands: [0.2, 'Upstash pay-as-you-go, each 100,000 commands; commands inside a script count as well'],
  upstashPerGbMonth: [0.25, 'Upstash pay-as-you-go, each GB stored beyond the first, a month'],
  upstashPerGbSent: [0.03, 'Upstash pay-as-you-go, each GB of bandwidth beyond 200 a month'],
  upstashPerSecond: [10_000, 'Upstash, most commands a second of a database, of every plan below an enterprise'],
  peaks: [10, 'assumed: times the average that the busiest second has'],
  neonPerCuHour: [0.106, 'Neon Launch, each hour of a compute unit (about one CPU)'],
  neonPerGbMonth: [0.35, 'Neon Launch, storage, each GB and month'],
  neonUse: [0.5, 'assumed: the part of a compute unit that is in use while it is paid for'],
  neonLeastCu: [0.25, 'assumed: the compute units that are always on'],
  freeCold: [0.8, "assumed: the part of a free user's verifications that is cold; the others are quiet"],
  allBusy: [0.7, 'assumed: the part of all verifications that is of busy keys'],
  allCold: [0.05, 'assumed: the part of all that is cold; what is neither is quiet'],
  busyRate: [20, 'assumed: verifications a second of one busy key in one isolate (a measured rate)'],
  otherRate: [20, 'assumed: verifications a second that an isolate sees of other keys (a measured rate)'],
  jobCommands: [8, 'commands of Redis a minute that the jobs take without any usage, measured of an idle `npm start`'],
  redisKbPerRequest: [
    1,
    'assumed: kB of one request to Redis with its answer; how Upstash counts them is not confirmed',
  ],
  redisKbPerOrganization: [5, 'assumed: kB in Redis for an organization: a window for each key in use, and its quotas'],
  organizations: [1_000, 'assumed: organizations that share all verifications'],
  combinations: [10, 'assumed: combinations of key, endpoint, status and so on that an organization has in an hour'],
  values: [15, 'assumed: different keys, endpoints, statuses and so on of an organization, taken together'],
  hourlyRowBytes: [413, 'bytes of a row of `usage_hourly`: one for each hour and combination (docs/operate/scale.md)'],
  sliceRowBytes: [323, 'bytes of a row of `usage_slices`: one for each hour and value; and as many by day'],
  totalsRowBytes: [262, 'bytes of a row of `usage_totals`: one for each hour'],
  monthsKept: [3, 'months for which raw events are kept (USAGE_RETENTION_DAYS = 90)'],
  monthsDeduped: [1.2, 'months for which ids are kept that repeats are found by (36 days)'],
  monthsOfHours: [13, 'months for which sums by the hour are kept, before they become sums by the day'],
  monthsRun: [24, 'assumed: months since the start; sums by the day are kept for good'],
  neonFreeCuHours: [100, 'Neon Free, hours of a compute unit a month'],
  neonFreeGb: [0.5, 'Neon Free, GB of storage'],
  workersFreeADay: [100_000, 'Workers Free, requests a day, of at most 10 ms of CPU each'],
} as const

/** Upstash's plans for one database, cheapest first: dollars per month, GB of data, GB of bandwidth per month. */
export const REDIS_PLANS = [
  { name: 'Free', price: 0, gb: 0.25, bandwidthGb: 10, commands: 500_000 },
  { name: 'Fixed 250 MB', price: 10, gb: 0.25, bandwidthGb: 50 },
  { name: 'Fixed 1 GB', price: 20, gb: 1, bandwidthGb: 100 },
  { name: 'Fixed 5 GB', price: 100, gb: 5, bandwidthGb: 500 },
  { name: 'Fixed 10 GB', price: 200, gb: 10, bandwidthGb: 1_000 },
  { name: 'Fixed 50 GB', price: 400, gb: 50, bandwidthGb: 5_000 },
  { name: 'Fixed 100 GB', price: 800, gb: 100, bandwidthGb: 10_000 },
  { name: 'Fixed 500 GB', price: 1_500, gb: 500, bandwidthGb: 20_000 },
] as const satisfies readonly RedisPlan[]

export interface RedisPlan {
  readonly name: string
  readonly price: number
  readonly gb: number
  readonly bandwidthGb: number
  /** Per month, if limited. */
  readonly commands?: number
}

export const input = (name: keyof typeof INPUTS): number => INPUTS[name][0]
