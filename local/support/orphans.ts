import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PACKAGES = fileURLToPath(new URL('../../node_modules/', import.meta.url))

interface Process {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly line: string
}

/**
 * Ends this project's Worker runtimes that serve a port although the server that started them is gone: all of `npm run dev`
 * was killed, so nothing was left to end them.
 *
 * @returns whether there were any; never on Windows, which has no `ps`
 */
export async function endOrphans(port: number): Promise<boolean> {
  const listed = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,pgid=,args=']).catch(() => undefined)
  const orphans = findOrphans(listed?.stdout ?? '', port, PACKAGES)
  for (const pid of orphans) process.kill(pid, 'SIGKILL')
  return orphans.length > 0
}

/** @param listed lines of process id, parent, group and command line */
export function findOrphans(listed: string, port: number, packages: string): number[] {
  const processes = listed.split('\n').flatMap(readProcess)
  const byPid = new Map(processes.map((one) => [one.pid, one]))
  const isOrphan = ({ parent, line }: Process) =>
    line.startsWith(packages) && /\/workerd(\.exe)? serve /.test(line) && !byPid.get(parent)?.line.includes('wrangler')
  const orphans = processes.filter(isOrphan)
  const serving = orphans.find(({ line }) => line.includes(`--socket-addr=entry=localhost:${port} `))
  return serving ? orphans.filter(({ group }) => group === serving.group).map(({ pid }) => pid) : []
}

function readProcess(line: string): Process[] {
  const [, pid, parent, group, command = ''] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
  return pid ? [{ pid: Number(pid), parent: Number(parent), group: Number(group), line: command }] : []
}
