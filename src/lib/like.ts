/** A LIKE pattern for what begins with a text. */
export const beginningWith = (text: string) => `${escapeLike(text)}%`

/** A LIKE pattern that matches texts containing the given one, with its own `%`, `_` and `\` escaped. */
export const containing = (text: string) => `%${escapeLike(text)}%`

const escapeLike = (text: string) => text.replaceAll(/[\\%_]/g, '\\$&')
