/**
 * Preloaded into wrangler's server (`node --import`): ends it when its parent process is gone, even by `kill -9`.
 * Its standard input is a pipe that nobody writes to; the system closes it with the parent.
 */
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM'))
process.stdin.resume()
process.stdin.on('error', () => process.kill(process.pid, 'SIGTERM'))
