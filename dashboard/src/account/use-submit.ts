import { useState } from 'react'
import { ApiError } from '../api/problem.ts'

/** Runs the action of a form, one at a time, and keeps what went wrong. */
export function useSubmit<Input extends readonly unknown[] = []>(action: (...input: Input) => Promise<void>) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  async function submit(...input: Input): Promise<void> {
    if (busy) return
    setBusy(true)
    setError(undefined)
    try {
      await action(...input)
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught
      setError(caught)
    } finally {
      setBusy(false)
    }
  }
  return { busy, error, submit: (...input: Input) => void submit(...input) }
}
