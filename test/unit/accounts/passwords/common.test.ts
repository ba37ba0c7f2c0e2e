import { describe, expect, test } from 'vitest'
import { isCommonPassword } from '../../../../src/accounts/passwords/common.ts'
import { COMMON, WORDS } from '../../../../src/accounts/passwords/common-words.ts'

const [common, words] = [COMMON.split(/\s/), WORDS.split(/\s/)]

/** Those that are not refused. */
async function acceptedOf(passwords: readonly string[]): Promise<string[]> {
  const verdicts = await Promise.all(passwords.map(isCommonPassword))
  return passwords.filter((_, at) => !verdicts[at])
}

describe('v5.0.0-6.2.4: the most common passwords', () => {
  test('contain at least 3,000 entries in less than 40 KB, in lower case, each once', () => {
    const all = [...common, ...words]
    expect(all.length).toBeGreaterThanOrEqual(3_000)
    expect(COMMON.length + WORDS.length).toBeLessThan(40_000)
    expect(new Set(all).size).toBe(all.length)
    for (const entry of all) expect(entry).toBe(entry.toLowerCase())
    expect([Math.min(...common.map(({ length }) => length)), Math.max(...words.map(({ length }) => length))]).toEqual([
      10, 9,
    ])
  })

  test('are refused if long enough, in any case', async () => {
    expect(await acceptedOf(common)).toEqual([])
    expect(await acceptedOf(common.map((password) => password.toUpperCase()))).toEqual([])
  })

  test('are also refused if they become long enough by digits, signs or both', async () => {
    const ends = ['1', '!', '12', '123', '1234', '2024', '2024!', '1234!!', '$$']
    expect(await acceptedOf(words.flatMap((word) => ends.map((end) => word + end)))).toEqual([])
  })

  test.each([
    'password123',
    'Password2024!',
    'ILoveYou1234',
    'sunshine!!',
    'dragondragon',
    'monkey1999',
    'qwertyuiop',
    '1234567890',
    '0987654321',
    '9876543210',
    'abcdefghijkl',
    'LKJHGFDSAP',
    'sunshine12345',
    'sunshine!!!',
    'P@ssw0rd123',
    'p@$$w0rd123',
    'Password@123',
    'Admin@12345',
    'adm1n12345',
    'letme1n123',
    'letmein!!!',
    '123password',
    '1password1',
    'Welcome@123',
    'root123456',
    'secret123456',
    'qwerty@2025',
    'zxcvbnm,./',
    '11223344556677',
  ])('%s is one', async (password) => {
    expect(await isCommonPassword(password)).toBe(true)
  })

  test.each([
    'correct horse battery',
    '1029384756x7q',
    'monkey and dragon',
    'sunshine948271', // six digits that are neither a sequence nor a year
    'my-sunshine-2024',
    'xkqzvw2024!',
    'SecurePassword123!', // two words
    'пароль и ключ',
    '',
    ' ',
    '😀😁😂😃😄😅😆😇😈😉',
    '__proto__',
    'constructor',
  ])('%j is not one', async (password) => {
    expect(await isCommonPassword(password)).toBe(false)
  })
})
