import { type BoundOperation, bindingTransport } from './binding.ts'
import type * as wire from './binding-types.ts'
import { type HttpOptions, httpTransport } from './http.ts'
import { buildMethods } from './methods.ts'
import type { RequestHooks } from './observe.ts'
import type { Answer, Call, CallOptions, InputArguments, OperationName, Reply, Transport } from './operations.ts'
import { type Pages, readPages } from './pages.ts'
import { perform } from './perform.ts'
import { completeEvent, Recorder, type RecorderOptions } from './recorder.ts'
import { type HeldWork, type ReservationOptions, type ReservedResult, withReservation } from './reservation.ts'
import { type OnUnavailable, type Verdict, type VerifyOptions, verifyKey } from './verify.ts'
import type { Send } from './ways.ts'

type Methods = ReturnType<typeof buildMethods>

export interface ClientOptions extends RequestHooks {
  /** Bounds each call with all its retries: 10,000 by default. */
  readonly timeoutMs?: number | undefined
  /** The same for verifications: 2,000 by default, or `timeoutMs` if that is less. */
  readonly verifyTimeoutMs?: number | undefined
  /** How often a call is repeated at most, where that is safe: 2 by default. */
  readonly retries?: number | undefined
  /** What becomes of a verification that Tollgate could not answer: `deny` by default. */
  readonly onUnavailable?: OnUnavailable | undefined
  /** How recorded usage is collected and sent. */
  readonly usage?: RecorderOptions | undefined
  /** Gives the trace that a call belongs to, where the call itself names none: that of the current span. */
  readonly traceparent?: (() => string | undefined) | undefined
}

export interface TollgateOptions extends ClientOptions, HttpOptions {}

/**
 * Tollgate, for those who protect an API with it.
 *
 * Every call ends within its timeout, and throws a TollgateError or nothing.
 */
export class Tollgate<Name extends OperationName = OperationName> {
  readonly #transport: Transport
  readonly #options: ClientOptions
  readonly #recorder: Recorder

  constructor(options: TollgateOptions | (ClientOptions & { readonly binding: wire.TollgateBinding })) {
    this.#transport = 'binding' in options ? bindingTransport(options.binding) : httpTransport(options)
    this.#options = options
    this.#recorder = new Recorder((events, how) => this.usage.send(events, how), options.usage)
  }

  /** The same client over a service binding to Tollgate's entrypoint, without HTTP and without a key. */
  static fromBinding(binding: wire.TollgateBinding, options: ClientOptions = {}): Tollgate<BoundOperation> {
    return new Tollgate<BoundOperation>({ ...options, binding })
  }

  readonly #send: Send = (name, input, options) => this.#read({ name, ...input }, options)
  readonly #methods = buildMethods(this.#send)

  readonly keys = {
    ...this.#methods.keys,
    /** Whether an API key may do something. A refusal is a verdict and not an error. */
    verify: (input: wire.VerifyKeyInput, options: VerifyOptions = {}): Promise<Verdict> => {
      const { timeoutMs = 10_000, verifyTimeoutMs = Math.min(timeoutMs, 2_000), onUnavailable = 'deny' } = this.#options
      const send = () =>
        this.#perform({ name: 'POST /keys/verify', body: input }, { timeoutMs: verifyTimeoutMs, ...options })
      return verifyKey(send, input, options.onUnavailable ?? onUnavailable)
    },
    /** The answer is the only copy of the key. */
    issue: (input: wire.IssueKeyInput, options?: CallOptions): Promise<wire.IssuedApiKey> =>
      this.#read({ name: 'POST /auth/api-keys', body: input }, options),
    /** One page, newest first. */
    list: (input: wire.ListKeysInput, options?: CallOptions): Pages<wire.ApiKeyPage> =>
      readPages((cursor = input.cursor) =>
        this.#read<wire.ApiKeyPage>({ name: 'GET /auth/api-keys', query: { ...input, cursor } }, options),
      ),
    /** Changes the fields that are there; null clears one. */
    update: ({ key_id, ...input }: wire.UpdateKeyInput, options?: CallOptions): Promise<wire.ApiKey> =>
      this.#read({ name: 'PATCH /auth/api-keys/{id}', ...splitKey(key_id, input) }, options),
    /** Replaces a key by a new one. The answer is the only copy of the new key. */
    rotate: ({ key_id, ...input }: wire.RotateKeyInput, options?: CallOptions): Promise<wire.IssuedApiKey> =>
      this.#read({ name: 'POST /auth/api-keys/{id}/rotate', ...splitKey(key_id, input) }, options),
    /** Revokes a key for good. Revoking again is no error. */
    revoke: ({ key_id, ...query }: wire.RevokeKeyInput, options?: CallOptions): Promise<void> =>
      this.#read({ name: 'DELETE /auth/api-keys/{id}', params: { id: key_id }, query }, options),
  }

  readonly tokens = {
    /** Whose access token this is, and what they may do there. A refusal is a verdict and not an error. */
    verify: (input: wire.VerifyTokenInput, options: CallOptions = {}): Promise<wire.TokenVerdict> => {
      const { timeoutMs = 10_000, verifyTimeoutMs = Math.min(timeoutMs, 2_000) } = this.#options
      return this.#read({ name: 'POST /tokens/verify', body: input }, { timeoutMs: verifyTimeoutMs, ...options })
    },
  }

  /** The organizations of your customers. */
  readonly customers = {
    ...this.#methods.customers,
    /** Finds or makes the organization of a customer, by your own id of it. */
    upsert: (
      { external_id, ...body }: wire.UpsertOrganizationInput,
      options?: CallOptions,
    ): Promise<wire.Organization> =>
      this.#read(
        { name: 'PUT /admin/organizations/by-external-id/{external_id}', params: { external_id }, body },
        options,
      ),
  }

  readonly usage = {
    ...this.#methods.usage,
    /** Takes events into a queue that is sent in the background. See `flush`. */
    record: (events: wire.UsageEvent | readonly wire.UsageEvent[]): void => this.#recorder.record([events].flat()),
    /**
     * Sends events now. What was not counted goes to `onLost`; what Tollgate cannot take waits, as if it were recorded. In a
     * Worker, where no timer outlives a request, it is sent once more, and is then lost. Never fails.
     */
    report: (events: wire.UsageEvent | readonly wire.UsageEvent[], options: CallOptions = {}): Promise<void> =>
      this.#recorder.report([events].flat(), options),
    /** As `record`. In a Worker it sends them now, and what Tollgate cannot take goes to `onLost`. Never fails. */
    keep: (events: wire.UsageEvent | readonly wire.UsageEvent[]): Promise<void> =>
      this.#recorder.report([events].flat()),
    /** Lets `flush` wait for work that counts an event. If the program ends before, the event is lost. */
    track: (event: wire.UsageEvent, work: Promise<void>): Promise<void> => this.#recorder.track([event], work),
    /** Sends what was recorded, and waits for settlements. Call it before a program ends. */
    flush: (): Promise<void> => this.#recorder.flush(),
    /** Sends events now, and says what became of each. */
    send: (events: readonly wire.UsageEvent[], options?: CallOptions): Promise<wire.RecordedUsage> => {
      const durability = this.#options.usage?.durability
      const body = { events: events.map(completeEvent), ...(durability && { durability }) }
      return this.#read({ name: 'POST /usage', body }, options)
    },
    /** Holds units for work whose cost is known afterwards. A refusal is data: `granted` is false. */
    reserve: (input: wire.ReserveInput, options?: CallOptions): Promise<wire.Reservation> => {
      const body = { ...input, idempotency_key: input.idempotency_key ?? crypto.randomUUID() }
      return this.#read({ name: 'POST /usage/reserve', body }, options)
    },
    /** Records what was really used, and releases the hold. */
    settle: (input: wire.SettleInput, options?: CallOptions): Promise<wire.Settlement> =>
      this.#read({ name: 'POST /usage/settle', body: input }, options),
    /** Releases a hold, and records nothing. */
    cancel: ({ reservation_id }: Pick<wire.SettleInput, 'reservation_id'>, options?: CallOptions) =>
      this.usage.settle({ reservation_id, cancel: true }, options),
    /** Lets a hold expire later: so many seconds from now, never earlier than it would. */
    extend: ({ reservation_id: id, ...body }: wire.ExtendInput, options?: CallOptions): Promise<wire.Extension> =>
      this.#read({ name: 'POST /usage/reservations/{id}/extend', params: { id }, body }, options),
    /** What an organization used in a span, beside the one before. */
    summary: (input: wire.GetUsageInput, options?: CallOptions): Promise<wire.UsageSummary> =>
      this.#read({ name: 'GET /usage/summary', query: { ...input } }, options),
  }

  readonly quotas = {
    ...this.#methods.quotas,
    /** An organization's limits and use. */
    get: (input: wire.GetQuotasInput, options?: CallOptions): Promise<wire.Quotas> =>
      this.#read({ name: 'GET /quotas', query: { ...input } }, options),
  }

  /** Who belongs to a customer. */
  readonly members: Methods['members'] = this.#methods.members
  /** Who is invited to belong to a customer. */
  readonly invitations: Methods['invitations'] = this.#methods.invitations
  /** What members may do. */
  readonly roles: Methods['roles'] = this.#methods.roles
  /** Where the events of a customer go. */
  readonly webhooks: Methods['webhooks'] = this.#methods.webhooks
  /** When a customer is told what it has used. */
  readonly alerts: Methods['alerts'] = this.#methods.alerts
  /** Links by which a customer reaches its organization without an account. */
  readonly portal: Methods['portal'] = this.#methods.portal
  /** What was done in the name of a customer. */
  readonly audit: Methods['audit'] = this.#methods.audit
  /** What you sell. */
  readonly plans: Methods['plans'] = this.#methods.plans
  /** Meters of your own. */
  readonly meters: Methods['meters'] = this.#methods.meters
  /** Prices of models. */
  readonly prices: Methods['prices'] = this.#methods.prices
  /** Prepaid credits: balances, grants, the ledger. */
  readonly credits: Methods['credits'] = this.#methods.credits
  /** Checkouts, changes of subscriptions, top-ups and spend caps. */
  readonly billing: Methods['billing'] = this.#methods.billing

  /**
   * Holds units, runs work, and settles what the work says was used, also when it fails or is aborted. Without a word
   * from the work all units are given back. A refusal is data: `granted` is false, and the work does not run.
   *
   * @throws what the work throws; TollgateError if units cannot be held, or `signal` ends the work
   */
  withReservation<Result>(
    input: wire.ReserveInput,
    work: (held: HeldWork) => Result | Promise<Result>,
    options?: ReservationOptions,
  ): Promise<ReservedResult<Result>> {
    return withReservation(this.usage, input, work, options)
  }

  /** Calls any operation of the API by its method and path, such as `GET /usage/breakdown`. */
  call<Called extends Name>(name: Called, ...[input]: InputArguments<Called>): Promise<Answer<Called>> {
    const { signal, timeoutMs, ...call }: Omit<Call, 'name'> & CallOptions = input ?? {}
    return this.#read({ name, ...call }, { signal, timeoutMs })
  }

  async #read<Result>(call: Call, options: CallOptions = {}): Promise<Result> {
    const { idempotencyKey = call.idempotencyKey, ...rest } = options
    return (await this.#perform({ ...call, idempotencyKey }, rest)).body as Result
  }

  #perform(call: Call, { signal, timeoutMs, traceparent = call.traceparent }: CallOptions): Promise<Reply> {
    const { retries = 2, timeoutMs: usual = 10_000 } = this.#options
    const traced = { ...call, traceparent: traceparent ?? this.#findTrace() }
    return perform(this.#transport, traced, { signal, timeoutMs: timeoutMs ?? usual, retries, hooks: this.#options })
  }

  #findTrace(): string | undefined {
    try {
      return this.#options.traceparent?.()
    } catch {
      return undefined // a call is worth more than its trace
    }
  }
}

/** Over HTTP the organization stands in the query. */
const splitKey = (id: string, { organization_id, external_id, ...body }: wire.OrganizationRef) => ({
  params: { id },
  query: { organization_id, external_id },
  body,
})
