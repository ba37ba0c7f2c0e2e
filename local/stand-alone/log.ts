import { log } from '../../src/lib/log.ts'

/** Sends all output of this process and of workerd to standard output, one JSON value per line. */
export function logToStdout(): void {
  globalThis.console = new console.Console({ stdout: process.stdout, stderr: process.stdout })
}

/** Passes on a line that workerd wrote: the Worker's own lines are JSON already, those of the runtime are converted. */
export function passOn(line: string): void {
  if (line.startsWith('{"')) console.log(line)
  else if (line.trim()) log('warn', 'runtime_said', { message: line.slice(0, 1_000) })
}
