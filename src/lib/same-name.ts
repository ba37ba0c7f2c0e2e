/** What keyboards write in their place. */
const QUOTES = /[\u2018\u2019\u201A\u201B\u2032\u2035`\u00B4]/g
const DOUBLE_QUOTES = /[\u201C\u201D\u201E\u201F\u2033\u00AB\u00BB]/g
const DASHES = /\p{Pd}+/gu
const INVISIBLE = /\p{Default_Ignorable_Code_Point}|\p{Cf}|\p{Cc}/gu

/** @returns what of a name can be seen: not its case, and not what a keyboard changes by itself */
const toVisible = (name: string) =>
  name
    .replace(QUOTES, "'")
    .replace(DOUBLE_QUOTES, '"')
    .normalize('NFKC')
    .replace(DASHES, '-')
    .replace(/\s+/g, ' ')
    .replace(INVISIBLE, '')
    .trim()
    .toLowerCase()

/** Whether a typed name is the one that is shown. A confirmation asks for care, not for characters that cannot be seen or typed. */
export function isSameName(typed: string, name: string): boolean {
  const visible = toVisible(name)
  return visible === '' ? typed === name : toVisible(typed) === visible
}
