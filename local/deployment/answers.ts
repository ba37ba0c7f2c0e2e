/** What `npm run setup` needs to know: from its options, the environment, or the person at the terminal. */
import { createInterface } from 'node:readline/promises'
import { parseEmailAddress } from '../../src/lib/email-address.ts'

/** Secrets come from the environment or are asked for: everybody on a machine can see the options of a program. */
const QUESTIONS = {
  PUBLIC_URL: [
    'Where will users reach it, as https://api.example.com',
    (text: string) => /^https:\/\/[^/]+\/?$/.test(text),
  ],
  DATABASE_URL: [
    "Neon's connection string, with the pooled host",
    (text: string) => /^postgres(ql)?:\/\/.+@.+\/.+/.test(text),
  ],
  UPSTASH_REDIS_REST_URL: ["Upstash's REST endpoint", (text: string) => /^https:\/\/.+/.test(text)],
  UPSTASH_REDIS_REST_TOKEN: ["Upstash's REST token", (text: string) => text.length > 0],
  ADMIN_EMAIL: ['The address of the first administrator', (text: string) => parseEmailAddress(text) !== undefined],
} as const

export type Answers = Readonly<Record<keyof typeof QUESTIONS, string>>

/**
 * @param isAsked whether somebody is there to be asked for missing answers
 * @throws Error that names everything that is missing or wrong, never a value
 */
export async function readAnswers(given: NodeJS.ProcessEnv, isAsked: boolean): Promise<Answers> {
  const terminal = isAsked ? createInterface({ input: process.stdin, output: process.stdout }) : undefined
  const ask = async (question: string) => (await terminal?.question(`${question}: `))?.trim() ?? ''
  const answers: Record<string, string> = {}
  const wrong: string[] = []
  for (const [name, [question, isRight]] of Object.entries(QUESTIONS)) {
    const text = given[name]?.trim() || (await ask(question))
    if (!isRight(text)) wrong.push(`${name} (${question})`)
    answers[name] = text
  }
  terminal?.close()
  if (wrong.length > 0) throw new Error(`Missing or wrong: ${wrong.join('; ')}.`)
  return answers as Answers
}
