/**
 * For the supervisor of an image: exit code 0 if the server answers, 1 otherwise. It listens only once both stores have answered
 * and the schema is complete. Later their state does not count: keys are verified while one is away, and no restart brings it back.
 */
import { get } from 'node:http'

const asked = get(`http://127.0.0.1:${process.env.PORT || '8000'}/health/live`, { timeout: 4_000 })
asked.once('timeout', () => asked.destroy(new Error('timeout')))
asked.once('error', () => process.exit(1))
asked.once('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
