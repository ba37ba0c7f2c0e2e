import { useEffect, useRef, useState } from 'react'
import type { SignInMethods } from '../api/types.ts'
import { Button } from '../ui/button.tsx'
import { Notice } from '../ui/notice.tsx'

/** The API of Cloudflare Turnstile's widget, as far as it is used (https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/). */
interface Turnstile {
  render(place: HTMLElement, options: object): unknown
  remove(widget: unknown): void
}

declare global {
  interface Window {
    readonly turnstile?: Turnstile
  }
}

function load(url: string): Promise<Turnstile> {
  const { promise, resolve, reject } = Promise.withResolvers<Turnstile>()
  const script = Object.assign(document.createElement('script'), { src: url, async: true })
  script.addEventListener('load', () => (window.turnstile ? resolve(window.turnstile) : reject(new Error('no API'))))
  script.addEventListener('error', () => {
    script.remove() // another try asks again
    reject(new Error('not loaded'))
  })
  document.head.append(script)
  return promise
}

interface PersonCheckProps {
  readonly check: NonNullable<SignInMethods['turnstile']>
  /** Called with each token, and with undefined when the last one is no longer good. */
  readonly onToken: (token: string | undefined) => void
}

/** Shows that a person registers. It begins anew when it is mounted anew: a token is good once. */
export function PersonCheck({ check: { site_key, script_url }, onToken }: PersonCheckProps) {
  const place = useRef<HTMLDivElement>(null)
  const [isMissing, setIsMissing] = useState(false)
  const [tries, setTries] = useState(0)
  const listener = useRef(onToken)
  listener.current = onToken
  useEffect(() => {
    let remove: (() => void) | undefined
    let isOver = false
    setIsMissing(false)
    async function show(): Promise<void> {
      const turnstile = window.turnstile ?? (await load(script_url))
      if (isOver || !place.current) return
      const widget = turnstile.render(place.current, {
        sitekey: site_key,
        action: 'register',
        callback(token: string) {
          setIsMissing(false)
          listener.current(token)
        },
        'expired-callback': () => listener.current(undefined),
        'error-callback': () => setIsMissing(true),
      })
      remove = () => turnstile.remove(widget)
    }
    show().catch(() => setIsMissing(true))
    return () => {
      isOver = true
      remove?.()
    }
  }, [site_key, script_url, tries])
  return (
    <div className="flex flex-col gap-2">
      <div ref={place} />
      {isMissing && (
        <Notice kind="warn">
          <span className="flex flex-wrap items-center justify-between gap-2">
            <span>The check that you are human did not load. A content blocker may have blocked it.</span>
            <Button onClick={() => setTries(tries + 1)}>Try again</Button>
          </span>
        </Notice>
      )}
    </div>
  )
}
