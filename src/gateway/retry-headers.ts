import type { ProblemCode } from '../problems.ts'

/** Refusals that waiting a moment does not change. */
const LASTING = new Set<ProblemCode>(['quota_exceeded', 'credits_exhausted'])

/**
 * When a refused caller should try again. The libraries of OpenAI and Anthropic repeat a 429 unless they are told not to,
 * and each repeat is a request of its own.
 *
 * @param seconds `null` if the request can never pass as it is
 */
export const retryHeaders = (code: ProblemCode, seconds: number | null): Record<string, string> => ({
  ...(seconds !== null && { 'Retry-After': String(seconds) }),
  ...((seconds === null || LASTING.has(code)) && { 'X-Should-Retry': 'false' }),
})
