/** Reads a few members of a JSON object from a stream of its text, without keeping the text. Pure. */
import type { Json } from './json.ts'

/**
 * The members that usage.ts reads. They are at the top level, or one level below, in the `response` or `message` that
 * an event contains.
 */
const WANTED = new Set(['usage', 'model', 'id', 'type', 'background'])
const CONTAINERS = new Set(['response', 'message'])
/** A longer value is ignored: the wanted ones are short. In UTF-16 code units. */
const MAX_MEMBER = 16 * 1024
const MAX_NAME = 32

const START = /[{[]/g
const STRUCTURE = /["{}[\],:]/g
const END_OF_STRING = /["\\]/g

interface Member {
  readonly depth: number
  readonly outer: string
  readonly name: string
  text: string
  /** Where the rest of its text begins in the current piece. */
  from: number
}

interface Reading {
  readonly read: Record<string, unknown>
  depth: number
  isInString: boolean
  isEscaped: boolean
  /** The beginning of the last string. It is a member's name if a colon follows. */
  string: string
  /** The name of the current member at the top level. */
  outer: string
  member: Member | undefined
  isOver: boolean
}

/**
 * A member counts once it is complete. If two have the same name, the last one counts.
 *
 * @returns `take` for the next piece of the text, and `read` for the wanted members so far
 */
export function createMemberReader() {
  const reading: Reading = {
    read: {},
    depth: 0,
    isInString: false,
    isEscaped: false,
    string: '',
    outer: '',
    member: undefined,
    isOver: false,
  }
  return {
    take(text: string): void {
      if (reading.member) reading.member.from = 0
      for (let at = 0; at < text.length && !reading.isOver; )
        at = reading.isInString ? passString(reading, text, at) : passStructure(reading, text, at)
      if (reading.member) keep(reading.member, text, text.length)
    },
    read: (): Json => reading.read,
  }
}

/** @returns the index at which to continue */
function passString(reading: Reading, text: string, at: number): number {
  if (reading.isEscaped) {
    reading.isEscaped = false
    return at + 1
  }
  const found = find(END_OF_STRING, text, at)
  const end = found?.index ?? text.length
  if (reading.string.length <= MAX_NAME) reading.string += text.slice(at, Math.min(end, at + MAX_NAME + 1))
  if (found?.[0] === '"') reading.isInString = false
  else if (found) {
    reading.isEscaped = true
    if (reading.string.length <= MAX_NAME) reading.string += '\\' // no wanted name has an escape
  }
  return end + 1
}

function passStructure(reading: Reading, text: string, at: number): number {
  const found = find(reading.depth === 0 ? START : STRUCTURE, text, at)
  if (!found) return text.length
  const { index, 0: character } = found
  if (character === '"') {
    reading.isInString = true
    reading.string = ''
  } else if (character === ':') openMember(reading, index + 1)
  else if (character === '{' || character === '[') reading.depth += 1
  else closeMember(reading, text, index)
  if (character === '}' || character === ']') reading.depth -= 1
  reading.isOver = reading.depth === 0
  return index + 1
}

function find(pattern: RegExp, text: string, from: number): RegExpExecArray | null {
  pattern.lastIndex = from
  return pattern.exec(text)
}

function openMember(reading: Reading, from: number): void {
  const { depth, string: name } = reading
  if (depth === 1) reading.outer = name
  const isReachable = depth === 1 || (depth === 2 && CONTAINERS.has(reading.outer))
  if (isReachable && WANTED.has(name)) reading.member = { depth, outer: reading.outer, name, text: '', from }
}

function closeMember(reading: Reading, text: string, end: number): void {
  const { member, read } = reading
  if (member?.depth !== reading.depth) return
  keep(member, text, end)
  reading.member = undefined
  const into = member.depth === 1 ? read : ((read[member.outer] ??= {}) as Record<string, unknown>)
  const value = member.text.length > MAX_MEMBER ? undefined : parse(member.text)
  if (value !== undefined) into[member.name] = value
}

function keep(member: Member, text: string, end: number): void {
  member.text += text.slice(member.from, Math.min(end, member.from + MAX_MEMBER + 1 - member.text.length))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
