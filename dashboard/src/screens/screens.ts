/** Screens by path: how each is loaded, and the name of its component. `$name` in a path is a parameter. */
export type Screens = Readonly<Record<string, readonly [load: () => Promise<Record<string, unknown>>, name: string]>>
