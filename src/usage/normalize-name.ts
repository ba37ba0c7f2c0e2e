/** Normalizes a model's or provider's name for storage and look-up: `"GPT-4o "` becomes `gpt-4o`. */
export const normalizeName = (name: string) => name.trim().toLowerCase()
