/** A LIKE pattern for what contains a text, whose own `%`, `_` and `\` mean themselves. */
export const containing = (text: string) => `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`
