/** A LIKE pattern that matches texts beginning with the given one. */
export const beginningWith = (text: string) => `${escapeLike(text)}%`

/** A LIKE pattern that matches texts containing the given one, with its own `%`, `_` and `\` escaped. */
export const containing = (text: string) => `%${escapeLike(text)}%`

const escapeLike = (text: string) => text.replaceAll(/[\\%_]/g, '\\$&')
