/** For the supervisor of an image: exit code 0 if the server and both of its stores answer, 1 otherwise. */
import { get } from 'node:http'

const asked = get(`http://127.0.0.1:${process.env.PORT || '8000'}/health`, { timeout: 4_000 })
asked.once('timeout', () => asked.destroy(new Error('timeout')))
asked.once('error', () => process.exit(1))
asked.once('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
