import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Child } from 'hono/jsx'
import { newRouter } from '../../api/api-route.ts'
import type { ManagementEnv } from '../../auth/env.ts'
import { PAGE_POLICY, Page } from './page.tsx'

/** The common properties of a deployment's pages. */
interface Deployment {
  readonly hasDashboard: boolean
}

const ASK_AGAIN = 'This link is no longer valid. It was already used, it expired, or a newer one replaced it.'

/** What the script asks for if this browser is not signed in to the account. */
const AccountPassword = ({ children }: { readonly children?: Child }) => (
  <div id="account" hidden>
    <label for="password">Password</label>
    <input
      id="password"
      name="password"
      type="password"
      autocomplete="current-password"
      maxlength={512}
      aria-describedby="rule"
    />
    <small id="rule">{children}</small>
  </div>
)

const VerifyEmail = (deployment: Deployment) => (
  <Page
    {...deployment}
    title="Confirm your address"
    intro="Press the button to confirm that the address this link was sent to is yours. If you did not make an account, close this page."
    button="Confirm the address"
    endpoint="/api/v1/auth/email/verify"
    done="Your email address is confirmed. You can close this page."
    invalid={`${ASK_AGAIN} If your address is not confirmed yet, request a new link on the sign-in page.`}
  >
    <AccountPassword>
      The password of the account that was made with this address. If somebody else made it, do not confirm it: request
      a new password on the sign-in page. That removes everything they made.
    </AccountPassword>
  </Page>
)

const ResetPassword = (deployment: Deployment) => (
  <Page
    {...deployment}
    title="Set a new password"
    intro="All your devices will be signed out."
    button="Set the password"
    endpoint="/api/v1/auth/password/reset/confirm"
    done="Your new password is set. Sign in with it now."
    invalid={`${ASK_AGAIN} Request a new link on the sign-in page.`}
  >
    <div>
      <label for="new">New password</label>
      <input
        id="new"
        name="new_password"
        type="password"
        autocomplete="new-password"
        required
        minlength={10}
        maxlength={512}
        aria-describedby="rule"
      />
      <small id="rule">At least 10 characters. A few words in a row work well.</small>
    </div>
    <div>
      <label for="again">Repeat the new password</label>
      <input id="again" name="confirm_password" type="password" autocomplete="new-password" required maxlength={512} />
    </div>
  </Page>
)

const ConfirmEmail = (deployment: Deployment) => (
  <Page
    {...deployment}
    title="Use your new address"
    intro="Press the button to make the address this link was sent to your new address. All your other devices will be signed out. If you did not ask for this, close this page."
    button="Use this address"
    endpoint="/api/v1/auth/email/change/confirm"
    done="Your account now uses this email address. Sign in with it."
    invalid={`${ASK_AGAIN} Request the change again in your account.`}
  >
    <AccountPassword>
      The password of the account that asked for the change. If it has none, sign in to it in this browser, then open
      the link again.
    </AccountPassword>
  </Page>
)

const AcceptInvitation = (deployment: Deployment) => (
  <Page
    {...deployment}
    title="Accept the invitation"
    intro="You were invited to join an organization."
    button="Join"
    endpoint="/api/v1/organizations/invitations/accept"
    done="You are now a member. Sign in to see the organization."
    invalid="This invitation is no longer valid. It was already used, it was revoked, or it expired. Ask for a new one."
  >
    <div>
      <label for="password">Password</label>
      <input
        id="password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        maxlength={512}
        aria-describedby="rule"
      />
      <small id="rule">
        If the address this link was sent to has an account, its password. If not, one is created: choose at least 10
        characters.
      </small>
    </div>
  </Page>
)

/** The pages that links in emails open. The token is in the fragment, which only the page itself can read. */
export const accountPages = newRouter()
accountPages.get('/verify-email', (c) => answer(c, VerifyEmail))
accountPages.get('/reset-password', (c) => answer(c, ResetPassword))
accountPages.get('/confirm-email', (c) => answer(c, ConfirmEmail))
accountPages.get('/accept-invitation', (c) => answer(c, AcceptInvitation))

function answer(c: Context<ManagementEnv>, page: typeof VerifyEmail) {
  c.header('Content-Security-Policy', PAGE_POLICY)
  c.header('Cross-Origin-Opener-Policy', 'same-origin')
  return c.html(html`<!doctype html>${page({ hasDashboard: c.env.assets !== undefined })}`)
}
