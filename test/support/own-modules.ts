/** A module of vitest's runner: `promise` and `exports` are its evaluation, and without them the next import evaluates it. */
interface ModuleNode {
  promise: unknown
  exports: unknown
  evaluated: boolean
  importers: Set<string>
}

type Registry = ReadonlyMap<ModuleNode, Readonly<ModuleNode>>

/** vitest has no interface for this: `vi.resetModules` empties the same map, but cannot fill it again. */
const { evaluatedModules }: { evaluatedModules: { idToModuleMap: Map<string, ModuleNode> } } = Reflect.get(
  globalThis,
  '__vitest_worker__',
)

/** Shared by all isolates. Packages are not: drizzle, for one, changes the parsers of the database driver. */
const SHARED = /\/test\/|\/vitest\/dist\/|\/@vitest\/|^mock:/

function listNodes(): ModuleNode[] {
  return [...evaluatedModules.idToModuleMap].filter(([id]) => !SHARED.test(id)).map(([, node]) => node)
}

function readRegistry(): Registry {
  return new Map(
    listNodes().map((node) => {
      const { promise, exports, evaluated, importers } = node
      return [node, { promise, exports, evaluated, importers: new Set(importers) }]
    }),
  )
}

function writeRegistry(registry: Registry): void {
  for (const node of listNodes()) {
    const unknown = { promise: undefined, exports: undefined, evaluated: false, importers: new Set<string>() }
    Object.assign(node, registry.get(node) ?? unknown)
  }
}

/**
 * Evaluates the Worker's modules again, apart from those of the tests and of the Worker under test, which stay as they are.
 *
 * @returns a function that runs a series of imports; all calls of it share one set of modules
 */
export function ownModules() {
  let own: Registry = new Map()
  return async function load<Modules>(imports: () => Promise<Modules>): Promise<Modules> {
    const others = readRegistry()
    writeRegistry(own)
    try {
      return await imports()
    } finally {
      own = readRegistry()
      writeRegistry(others)
    }
  }
}
