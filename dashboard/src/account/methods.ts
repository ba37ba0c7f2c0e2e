import { useEffect, useState } from 'react'
import { call } from '../api/client.ts'
import type { SignInMethods } from '../api/types.ts'

const NONE: SignInMethods = { providers: [], email: 'off', sso: false, turnstile: null }

let read: Promise<SignInMethods> | undefined

/** The ways to sign in and to register here, none until they are read. They are read once, for whoever asks. */
export function useMethods(): SignInMethods {
  const [methods, setMethods] = useState(NONE)
  useEffect(() => {
    read ??= call('GET /auth/sign-in/methods')
    read.then(setMethods, () => (read = undefined)) // the form says what is wrong when it is sent
  }, [])
  return methods
}
