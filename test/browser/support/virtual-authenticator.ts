import type { Page } from 'playwright-core'

/**
 * Gives a page's browser a device with passkeys, which agrees to everything (Chrome DevTools Protocol, WebAuthn): also at once
 * to what a field offers.
 *
 * @returns `rest` until it agrees to nothing, and `wake`
 */
export async function addAuthenticator(page: Page) {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  const agree = (enabled: boolean) =>
    session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
  return { rest: () => agree(false), wake: () => agree(true) }
}
