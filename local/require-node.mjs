/**
 * Loaded before every script (`node --import`), in JavaScript that Node 20 can read: says in one line what to do, where a
 * TypeScript file or a missing package would otherwise end in a stack trace.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../node_modules/', import.meta.url))

if (!existsSync(packages)) stop('The packages are not installed. Run: npm ci')
if (!process.features.typescript)
  stop(
    `This needs Node 22.18 or newer, and runs on ${process.versions.node}. The project brings its own Node, but install scripts were skipped. Run: npm rebuild node`,
  )

/** @param {string} message */
function stop(message) {
  console.error(message)
  process.exit(1)
}
