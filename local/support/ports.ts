import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { endOrphans } from './orphans.ts'

/** The port in an environment variable. @throws Error */
export function portFrom(name: string, otherwise: number): number {
  const text = process.env[name]?.trim() || String(otherwise)
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new Error(`${name}=${text} is not a port.`)
  return port
}

/** Waits for the remains of a killed server, and takes its port over. @throws Error if another process has it */
export async function requireFreePort(name: string, port: number): Promise<void> {
  if (await isFree(port)) return
  if (await endOrphans(port)) {
    console.log(`Port ${port} was held by what is left of a server that was killed. Taking it over …`)
    for (let tries = 0; tries < 20; tries++) {
      if (await isFree(port)) return
      await wait(100)
    }
  }
  throw new Error(`Port ${port} is taken. Stop what uses it, or choose another: ${name}=${otherPort(port)} npm run dev`)
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, 'localhost')
  const isListening = await once(probe, 'listening').then(
    () => true,
    () => false, // its error
  )
  probe.close()
  if (isListening) await once(probe, 'close')
  return isListening
}

/** A port to choose instead. */
export function otherPort(port: number): number {
  return port < 65_000 ? port + 100 : port - 100
}
