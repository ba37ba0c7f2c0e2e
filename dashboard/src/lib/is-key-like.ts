/** A whole key begins with a prefix and its environment; a hint has three dots in its middle. */
const WHOLE_KEY = /_(live|test)_[\w-]{16,}/

/** Whether a text holds a whole key. Such a text must not get into an address, not even of a search. */
export const isKeyLike = (text: string): boolean => WHOLE_KEY.test(text)
