/**
 * The figures that isolates count: names, labels and meanings, as Prometheus shows them
 * (https://prometheus.io/docs/practices/naming/). The values of each label are known, so every series exists from the
 * start, and an alert on its growth works for the first failure.
 */
import { REFUSALS } from '../verdict-codes.ts'

interface Kind {
  readonly name: string
  readonly help: string
  /** The name of the label, and all its values. A figure without one has the single value ''. */
  readonly label: string
  readonly values: readonly string[]
}

interface HistogramKind extends Kind {
  /** The inclusive upper bounds of the buckets, ascending, in the unit of the name. `+Inf` is not listed. */
  readonly bounds: readonly number[]
}

export const COUNTERS = {
  verdicts: {
    name: 'tollgate_verdicts_total',
    help: 'Verdicts about API keys, by code.',
    label: 'code',
    values: ['VALID', ...REFUSALS],
  },
  responses: {
    name: 'tollgate_http_responses_total',
    help: 'Answers over HTTP, by class of status, without those of the gateway.',
    label: 'class',
    values: ['2xx', '3xx', '4xx', '5xx'],
  },
  gatewayResponses: {
    name: 'tollgate_gateway_responses_total',
    help: "Answers of the gateway: the upstream's own, below 500 or not; given because the upstream could not be reached or began none in time; refused or failed by Tollgate itself; or for a caller who went away.",
    label: 'outcome',
    values: ['answered', 'upstream_error', 'unreachable', 'timeout', 'refused', 'failed', 'caller_gone'],
  },
  rpcCalls: {
    name: 'tollgate_rpc_calls_total',
    help: 'Calls through a service binding: answered, refused for a reason of the caller, or failed.',
    label: 'outcome',
    values: ['answered', 'refused', 'failed'],
  },
  storeFailures: {
    name: 'tollgate_store_failures_total',
    help: 'Round trips to a store without a usable answer.',
    label: 'store',
    values: ['postgres', 'redis'],
  },
  leases: {
    name: 'tollgate_leases_total',
    help: 'Leases that isolates took for busy keys.',
    label: '',
    values: [''],
  },
  leaseUnits: {
    name: 'tollgate_lease_units_total',
    help: 'Units of leases: taken in advance, spent by verifications, returned at the end, or stranded because returning failed.',
    label: 'outcome',
    values: ['taken', 'spent', 'returned', 'stranded'],
  },
  usageEvents: {
    name: 'tollgate_usage_events_total',
    help: 'Events of verifications, by where they were written: the queue before Postgres, Postgres, the spool in Redis, or only the log.',
    label: 'outcome',
    values: ['queued', 'written', 'spooled', 'lost'],
  },
  queueMessages: {
    name: 'tollgate_usage_queue_messages_total',
    help: 'Messages of the queue of usage: sent by isolates or not taken, written by its consumer, put off because a store failed, or set aside.',
    label: 'outcome',
    values: ['sent', 'unsent', 'written', 'put_off', 'set_aside'],
  },
  limiterOutages: {
    name: 'tollgate_limiter_outages_total',
    help: 'Requests whose limits Redis did not decide: decided locally, or refused because ON_LIMITER_OUTAGE is closed.',
    label: 'decision',
    values: ['local', 'refused'],
  },
  passwordHashes: {
    name: 'tollgate_password_hashes_total',
    help: 'Password hashes that were asked for: those that got their turn, and those refused with 503 because the queue was full.',
    label: 'outcome',
    values: ['begun', 'refused'],
  },
} as const satisfies Record<string, Kind>

export const HISTOGRAMS = {
  storeSeconds: {
    name: 'tollgate_store_request_duration_seconds',
    help: 'How long a round trip to a store took, failed ones included.',
    label: 'store',
    values: ['postgres', 'redis'],
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  batchEvents: {
    name: 'tollgate_usage_batch_events',
    help: 'Events in a batch of usage when its write began.',
    label: '',
    values: [''],
    bounds: [1, 2, 5, 10, 25, 50, 100, 250, 500],
  },
  queueSeconds: {
    name: 'tollgate_usage_queue_delivery_seconds',
    help: 'How long a message of usage was in the queue before it was written.',
    label: '',
    values: [''],
    bounds: [0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200],
  },
  hashWaitSeconds: {
    name: 'tollgate_password_hash_wait_seconds',
    help: 'How long a password hash waited in the queue of its isolate.',
    label: '',
    values: [''],
    bounds: [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2],
  },
} as const satisfies Record<string, HistogramKind>

export type CounterName = keyof typeof COUNTERS
export type CounterLabel<Name extends CounterName> = (typeof COUNTERS)[Name]['values'][number]
export type HistogramName = keyof typeof HISTOGRAMS
export type HistogramLabel<Name extends HistogramName> = (typeof HISTOGRAMS)[Name]['values'][number]
