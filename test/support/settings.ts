import { onTestFinished, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { Problem } from '../../src/problems.ts'

/** The minimal settings of a deployment. */
export const REQUIRED = {
  DATABASE_URL: 'postgresql://ada:pass@db.example.com/tollgate',
  UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
  UPSTASH_REDIS_REST_TOKEN: 'redis-token',
  JWT_SECRET_KEY: 'x'.repeat(32),
  SECRET_KEY: 'y'.repeat(32),
  PUBLIC_URL: 'https://api.example.org',
}

/** The problem with which an environment is refused. */
export function refusal(env: object): Problem {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('It was not refused.')
}

/** The variables that a refusal names. */
export const namesIn = (env: object) => refusal(env).message.match(/[A-Z_]{5,}/g)

/** What is logged when an isolate reads an environment, and reads it again. */
export function logged(env: object): Record<string, unknown>[] {
  const lines: string[] = []
  const spies = (['error', 'warn'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line))),
  )
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()))
  readConfig(env)
  readConfig(env)
  return lines.map((line) => JSON.parse(line))
}
