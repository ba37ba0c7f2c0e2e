/**
 * Replaces Node's `crypto` module for bcryptjs, by an alias in local/build/bundle.ts: bcryptjs needs it only on
 * platforms without WebCrypto. Without the alias, the import would stay in the bundle and run at every cold start.
 */
export default undefined
