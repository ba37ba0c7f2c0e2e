/** `npm run test:python`: the tests of the Python client and of its examples, over a local stack of their own. */
import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const CLIENT = `${ROOT}clients/python`
const HELP = `Usage: npm run test:python -- [FILE …]

Runs the tests of clients/python, or the named files of it, with pytest. They start a local stack.
Environment: PYTHON for another Python than python3; TOLLGATE_URL, TOLLGATE_ADMIN_EMAIL and TOLLGATE_ADMIN_PASSWORD for
a Tollgate that runs already.`

const MODULES = ['httpx', 'fastapi', 'uvicorn', 'pytest']
/** A version manager's Python comes first in the path, but only the system's has the system's packages. */
const CANDIDATES = process.env.PYTHON ? [process.env.PYTHON] : ['python3', '/usr/bin/python3']

await command(async function testPython() {
  const { values, positionals } = readArguments({}, Number.POSITIVE_INFINITY)
  if (values.help) return console.log(HELP)
  const { status } = spawnSync(findPython(), ['-m', 'pytest', ...(positionals.length > 0 ? positionals : ['tests'])], {
    cwd: CLIENT,
    env: {
      ...process.env,
      PATH: [`${ROOT}node_modules/.bin`, process.env.PATH].join(delimiter),
      PYTHONPATH: `${CLIENT}/src`,
      PYTHONDONTWRITEBYTECODE: '1',
    },
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
})

/** @throws Error that says what to install */
function findPython(): string {
  const ready = CANDIDATES.find((python) => listMissing(python)?.length === 0)
  if (ready) return ready
  const missing = CANDIDATES.map(listMissing).findLast((found) => found !== undefined)
  if (!missing) throw new Error(`There is no ${CANDIDATES[0]}. Install Python 3.10 or newer, or name one by PYTHON.`)
  const debian = missing.map((name) => `python3-${name}`).join(' ')
  throw new Error(`Python lacks ${missing.join(', ')}. On Debian: apt-get install ${debian}. Elsewhere: pip install.`)
}

/** @returns the modules that a Python lacks; undefined if it does not run */
function listMissing(python: string): string[] | undefined {
  const program = `import importlib.util, sys
assert sys.version_info >= (3, 10)
print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])`
  const { status, stdout } = spawnSync(python, ['-c', program, ...MODULES], { encoding: 'utf8' })
  return status === 0 ? stdout.split(/\s+/).filter(Boolean) : undefined
}
