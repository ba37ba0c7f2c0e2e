import { accessSync, constants } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** Where systems install it. Playwright's own download is not used: the system's gets security updates. */
const USUAL_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** @throws Error with a way out if there is no Chromium */
export function findChromium(): string {
  const named = process.env.CHROMIUM?.trim()
  const found = (named ? [named] : USUAL_PLACES).find(isProgram)
  if (found) return found
  const looked = named ? `CHROMIUM=${named} is no program` : 'There is no Chromium in the usual places'
  throw new Error(`${looked}. Install it (Debian: apt-get install chromium), or name it: CHROMIUM=/path/to/chromium`)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Chromium's sandbox refuses root, and containers seldom support it; the pages are the project's own. */
export function launchChromium(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking']
  return chromium.launch({ executablePath: findChromium(), args })
}
