/**
 * The compiled module of `argon2id`, resolved by package.json for each runtime. A Worker cannot compile a module at run
 * time.
 */
declare const module: WebAssembly.Module
export default module
