import { expect, test } from 'vitest'
import { chooseSecrets } from '../../../local/deployment/secrets.ts'

const namesOf = (env: Record<string, string>, there: readonly string[]) =>
  Object.keys(chooseSecrets(env, new Set(there))).toSorted()

test('what a deployment lacks is made, and what it has stays, rotated or not', () => {
  expect(namesOf({}, [])).toEqual(['JWT_SECRET_KEY', 'SECRET_KEY'])
  expect(namesOf({}, ['SECRET_KEY', 'JWT_SECRET_KEY'])).toEqual([])
  expect(namesOf({}, ['SECRET_KEYS', 'JWT_KEYS'])).toEqual([])
  expect(namesOf({}, ['SECRET_KEYS', 'SECRET_KEY', 'JWT_KEYS'])).toEqual([])
})

test('what is given takes the place of what would be made', () => {
  expect(namesOf({ SECRET_KEYS: 'a,b', JWT_KEYS: '{}' }, [])).toEqual(['JWT_KEYS', 'SECRET_KEYS'])
  expect(namesOf({ SECRET_KEYS: 'a,b' }, ['SECRET_KEY', 'JWT_SECRET_KEY'])).toEqual(['SECRET_KEYS'])
  expect(namesOf({ JWT_SECRET_KEY: 'a' }, ['SECRET_KEY', 'JWT_SECRET_KEY'])).toEqual(['JWT_SECRET_KEY'])
})

test('what would undo a rotation, or stand beside what takes its place, is refused by name', () => {
  expect(() => namesOf({ SECRET_KEY: 'sesame' }, ['SECRET_KEYS'])).toThrow(/^SECRET_KEY is given, .* has SECRET_KEYS/)
  expect(() => namesOf({ JWT_SECRET_KEY: 'sesame' }, ['JWT_KEYS'])).toThrow(/has JWT_KEYS/)
  expect(() => namesOf({ JWT_KEYS: 'sesame' }, ['JWT_SECRET_KEY'])).toThrow(/secret delete JWT_SECRET_KEY/)
  expect(() => namesOf({ JWT_KEYS: 'sesame' }, ['JWT_SECRET_KEY'])).not.toThrow(/sesame/)
})
