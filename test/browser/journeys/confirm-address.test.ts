import { expect, test } from 'vitest'
import { callApi, mailsTo, newPerson } from '../support/api.ts'
import { newPage, signIn, useBrowser } from '../support/browser.ts'

useBrowser()

async function linkTo(email: string): Promise<string> {
  const find = async () => (await mailsTo(email)).flatMap(({ links }) => links).find((link) => link.includes('verify'))
  await expect.poll(find, { timeout: 20_000 }).toBeTruthy()
  return (await find()) ?? ''
}

const isConfirmed = async (token: string) =>
  (await callApi<{ is_verified: boolean }>('GET', '/auth/me', { token })).is_verified

test('the link of an email confirms the address with the password of the account', async () => {
  const person = await newPerson()
  const page = await newPage()
  await page.goto(await linkTo(person.email))
  await page.getByLabel('Password').fill('somebody else’s words')
  await page.getByRole('button', { name: 'Confirm the address' }).click()
  await page.getByText('The password is wrong.').waitFor()
  expect(await isConfirmed(person.token)).toBe(false)
  await page.getByLabel('Password').fill(person.password)
  await page.getByRole('button', { name: 'Confirm the address' }).click()
  await page.getByText('Your email address is confirmed.').waitFor()
  expect(await isConfirmed(person.token)).toBe(true)
})

test('who is signed in to the account in this browser presses one button', async () => {
  const person = await newPerson()
  const page = await newPage()
  await signIn(page, person)
  await page.goto(await linkTo(person.email))
  expect(await page.getByLabel('Password').isVisible()).toBe(false)
  await page.getByRole('button', { name: 'Confirm the address' }).click()
  await page.getByText('Your email address is confirmed.').waitFor()
})
