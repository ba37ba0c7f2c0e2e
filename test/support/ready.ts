import { exports } from 'cloudflare:workers'
import { loadEverything } from '../../src/lib/lazily.ts'

/** Before any test, the Worker has every module: a request that waits while another one loads a module is taken for hung. */
await exports.default.fetch('https://tollgate.test/health')
await loadEverything()
