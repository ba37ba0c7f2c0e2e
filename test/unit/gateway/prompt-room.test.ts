import { afterEach, expect, test } from 'vitest'
import { openRoom, ROOM_BYTES, type Room, requireRoomFor } from '../../../src/gateway/llm/prompt-room.ts'

const taken: Room[] = []
const take = (bytes: number) => {
  const room = openRoom()
  taken.push(room)
  room.grow(bytes)
  return room
}
afterEach(() => {
  for (const room of taken.splice(0)) room.free()
})

const MB = 1024 * 1024
const refusal = 'Too many large prompts'

test('two of the largest prompts are not held at once; the second gets its turn after the first', () => {
  const first = take(20 * MB)
  expect(() => take(20 * MB)).toThrow(refusal)
  first.free()
  first.free()
  take(20 * MB)
  expect(() => take(20 * MB)).toThrow(refusal)
})

test.each([
  [0, true],
  [1, false],
])('beside a large one there is room up to the last byte; %i more', (more, fits) => {
  take(20 * MB)
  const rest = ROOM_BYTES - 20 * MB + more
  if (fits) take(rest)
  else expect(() => take(rest)).toThrow(refusal)
})

test('small ones always have room, and a single one has it however large', () => {
  take(ROOM_BYTES + 1)
  for (let count = 0; count < 100; count++) take(64 * 1024)
  expect(() => take(64 * 1024 + 1)).toThrow(refusal)
})

test('an announced length is refused if it does not fit now, and takes no room', () => {
  requireRoomFor(20 * MB)
  const first = take(20 * MB)
  expect(() => requireRoomFor(20 * MB)).toThrow(refusal)
  requireRoomFor(2 * MB)
  take(2 * MB)
  first.free()
  requireRoomFor(20 * MB)
})

test('a prompt takes room as it is read, and releases it if it is refused', () => {
  const first = take(0)
  const second = take(0)
  first.grow(12 * MB)
  second.grow(8 * MB)
  expect(() => second.grow(11 * MB)).toThrow(refusal)
  second.free()
  first.grow(20 * MB)
  first.free()
  take(20 * MB)
})

test('a prompt that turned out smaller leaves the rest to others', () => {
  const first = take(20 * MB)
  first.shrink(1_000)
  first.shrink(30 * MB)
  take(20 * MB)
})
