/** The compiled module of `argon2id`, which package.json finds for each runtime: a Worker cannot compile one at run time. */
declare const module: WebAssembly.Module
export default module
