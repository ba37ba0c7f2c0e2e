/** Loaded before any request: a request that waits while another one imports the same is taken for hung. */
export { management } from '../../src/management.ts'
