/** A model's or provider's name in the one form in which it is stored and looked for: `"GPT-4o "` is `gpt-4o`. */
export const normalizeName = (name: string) => name.trim().toLowerCase()
