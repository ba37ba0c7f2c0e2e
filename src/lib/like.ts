/** A LIKE pattern for what begins with a text. */
export const beginningWith = (text: string) => `${escapeLike(text)}%`

/** A LIKE pattern for what contains a text, whose own `%`, `_` and `\` mean themselves. */
export const containing = (text: string) => `%${escapeLike(text)}%`

const escapeLike = (text: string) => text.replaceAll(/[\\%_]/g, '\\$&')
