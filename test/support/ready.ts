import { exports } from 'cloudflare:workers'

/** The Worker has loaded its management before any test: a request that waits while another one loads it is taken for hung. */
await exports.default.fetch('https://tollgate.test/api/v1/nothing')
