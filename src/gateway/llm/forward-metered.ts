import type { Deps } from '../../deps.ts'
import { CALLER_GONE, CallerGone } from '../../http/caller-gone.ts'
import { logRepeated } from '../../lib/log.ts'
import { Problem } from '../../problems.ts'
import type { KeyRecord } from '../../verification/key-record.ts'
import type { Call } from '../call.ts'
import { forward } from '../forward.ts'
import { describeEndpoint, targetUrl } from '../match.ts'
import { type CallFacts, holdTokens, recordUse, releaseTokens, type Used } from './account.ts'
import { type ModelRequest, readModelRequest } from './request.ts'
import { type StreamEnd, tap } from './tap.ts'
import { createUsageReader, type Provider, type UsageReader } from './usage.ts'
import { watchEvents, watchWhole } from './watch.ts'

/** A request to a language model, with what was held for it. */
interface ModelCall {
  readonly call: Call
  readonly facts: CallFacts
  readonly asked: Partial<Omit<ModelRequest, 'body'>>
  readonly hold: string | undefined
}

/**
 * Sends a request to a language model, and counts the tokens of its answer: it holds an estimate before, reads the
 * usage that the provider reports while the answer passes by, and settles afterwards.
 *
 * Of an answer that the caller or the provider ends early, the tokens count that were streamed until then. The
 * prompt's are those that the provider told, or else the estimate.
 */
export async function forwardMetered(
  deps: Deps,
  call: Call,
  { record, provider }: { record: KeyRecord; provider: Provider },
): Promise<Response> {
  if (call.headers.has('Upgrade')) throw new Problem('invalid_request', { detail: NO_SOCKETS })
  const { pathname: path } = new URL(targetUrl(call.match, call.search))
  const asked = await readModelRequest(call.request, { provider, path }, deps.now)
  try {
    return await forwardHeld(deps, call, { record, provider, asked })
  } finally {
    asked?.room?.free() // the prompt is sent
  }
}

interface AuthorizedCall {
  readonly record: KeyRecord
  readonly provider: Provider
  readonly asked: ModelRequest | undefined
}

async function forwardHeld(
  deps: Deps,
  call: Call,
  { record, provider, asked: whole }: AuthorizedCall,
): Promise<Response> {
  const facts = describeCall(call, record, provider)
  const { body, ...asked }: Partial<ModelRequest> = whole ?? {}
  const hold = asked.estimate && (await holdTokens(deps, record, asked.estimate, facts.provider))
  if (hold) call.release() // a report follows that completes it
  const model: ModelCall = { call, facts, asked, hold } // without the body: it outlasts the answer
  const answer = await send(call, body).catch((error: unknown) => {
    if (hold) endWithoutAnswer(deps, { ...model, hold }, error)
    throw error
  })
  if (answer.body && answer.ok) return meter(deps, model, answer, createUsageReader(provider))
  call.end(answer.status)
  if (hold) deps.defer(releaseTokens(deps, hold))
  return answer
}

function endWithoutAnswer(deps: Deps, model: ModelCall & { readonly hold: string }, error: unknown): void {
  if (!(error instanceof CallerGone)) return deps.defer(releaseTokens(deps, model.hold))
  model.call.leaveToReport()
  deps.defer(recordPrompt(deps, model))
}

/** For a caller who disconnected before the answer began: the provider had the prompt, so the prompt counts. */
function recordPrompt(deps: Deps, { call, facts, asked, hold }: ModelCall): Promise<void> {
  const { input_tokens = 0, model } = asked.estimate ?? {}
  const used = { input_tokens, output_tokens: 0, ...(model !== undefined && { model }) }
  const ending = { status_code: CALLER_GONE, response_time_ms: call.elapsedMs() }
  return recordUse(deps, facts, { hold }, { ...used, ...ending })
}

const NO_SOCKETS = 'This route counts the tokens of answers, which it cannot do in a WebSocket.'

function describeCall({ request, requestId, match }: Call, { keyId }: KeyRecord, provider: Provider): CallFacts {
  const isOwn = HOSTS[provider].test(new URL(match.route.upstream).hostname)
  return {
    request_id: requestId,
    key_id: keyId,
    endpoint: describeEndpoint(match),
    method: request.method,
    ...(isOwn && { provider }),
  }
}

/** Others speak the same protocol: of those, the price follows from the model's name. */
const HOSTS: Readonly<Record<Provider, RegExp>> = { openai: /(^|\.)openai\.com$/, anthropic: /(^|\.)anthropic\.com$/ }

function send(call: Call, read: ModelRequest['body'] | undefined): Promise<Response> {
  const { request, match, headers, search } = call
  headers.set('Accept-Encoding', 'identity')
  if (read !== undefined) headers.delete('Content-Length') // the body may have grown
  const body = read ?? request.body
  const { method } = request
  const outbound = { route: match.route, url: targetUrl(match, search), method, headers, body, caller: request.signal }
  return forward(outbound, call.release)
}

/** @returns the same answer; what it used is recorded when it ends */
function meter(deps: Deps, model: ModelCall, answer: Response, usage: UsageReader): Response {
  const { call, asked, hold } = model
  const settled = Promise.withResolvers<void>()
  deps.defer(settled.promise)
  const end = (how: StreamEnd) => {
    const status = STATUS[how] ?? answer.status
    const counting = chooseCounting(model, usage)
    if (counting === 'nothing') {
      call.end(status)
      return hold ? void releaseTokens(deps, hold).finally(settled.resolve) : settled.resolve()
    }
    call.release()
    if (how === 'whole' && !usage.read().isFinal) noteUnread(model)
    const used = { ...readUse(usage, asked), status_code: status, response_time_ms: call.elapsedMs() }
    void record(deps, model, { used, laterId: counting.laterId }).finally(settled.resolve)
  }
  const isStream = /^text\/event-stream/i.test(answer.headers.get('Content-Type') ?? '')
  const watcher = isStream ? watchEvents(usage, asked.hidesUsage ?? false, end) : watchWhole(usage, end)
  const passed = new Response(tap(answer.body as ReadableStream, watcher), answer)
  passed.headers.delete('Content-Length')
  passed.headers.delete('Content-Encoding') // what was read here is not compressed any more
  return passed
}

/**
 * Logs a complete answer without usage figures. Estimates count instead: of the prompt, and of the chunks of a stream.
 */
function noteUnread({ call, facts }: ModelCall): void {
  const { request_id, endpoint } = facts
  logRepeated('warn', 'gateway_usage_unread', { route: call.match.route.slug, request_id, endpoint })
}

/**
 * What an answer counts as. One that is read again was counted when it was made, and one that is made in the background
 * (OpenAI's Responses API) counts once, by its own id, when somebody reads its usage: a stream of it that ends before
 * that may be resumed, which only the last event tells.
 */
function chooseCounting(
  { call, hold }: ModelCall,
  usage: UsageReader,
): 'nothing' | { readonly laterId?: string | undefined } {
  const { use, isFinal, laterId } = usage.read()
  const isUsed = Object.keys(use).length > 0
  if (laterId !== undefined) return isFinal ? { laterId } : 'nothing'
  if (!hold && !isUsed) return 'nothing' // such as a list of models
  return call.request.method === 'GET' ? 'nothing' : {}
}

interface Counted {
  readonly used: Used
  readonly laterId: string | undefined
}

async function record(deps: Deps, { facts, hold }: ModelCall, { used, laterId }: Counted): Promise<void> {
  if (laterId === undefined) return recordUse(deps, facts, { hold }, used)
  await recordUse(deps, facts, { id: laterId }, used)
  if (hold !== undefined) await releaseTokens(deps, hold)
}

const STATUS: Partial<Record<StreamEnd, number>> = { aborted: CALLER_GONE, broken: 502 }

/** What the provider told, and the estimate of the prompt where a stream ended before it was told. */
function readUse(usage: UsageReader, asked: ModelCall['asked']) {
  const { model: told, use, isFinal } = usage.read()
  const model = asked.estimate?.model ?? told
  const estimated = isFinal ? undefined : asked.estimate?.input_tokens
  const input = use.input_tokens ?? estimated ?? 0
  return { ...use, input_tokens: input, ...(model !== undefined && { model }) }
}
