import { exports } from 'cloudflare:workers'
import { loadEverything } from '../../src/lib/lazily.ts'

/** Loads every module of the Worker before any test: workerd cancels a request that waits for another's import as hung. */
await exports.default.fetch('https://tollgate.test/health')
await loadEverything()
