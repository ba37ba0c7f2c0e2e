/** The method in TypeScript with its namespace, such as `plans.list`; the method in Python; a text that replaces the summary. */
export type Names = readonly [typescript: string, python: string, says?: string]
