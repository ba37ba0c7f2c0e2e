/**
 * What bcryptjs gets for Node's `crypto` module, by an alias in local/build/bundle.ts: it is its fallback for a platform without
 * WebCrypto. Left alone, the import would stay in the bundle and be evaluated at every cold start.
 */
export default undefined
