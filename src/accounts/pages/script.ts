/**
 * The script of all pages. It removes the token from the address bar, and sends it when the person presses the button.
 * A program that only opens links, such as an email scanner, does not use the token (ASVS 3.5.3).
 */
export const SCRIPT = `
const form = document.querySelector('form')
const [done, failed] = [document.querySelector('#done'), document.querySelector('#failed')]
const next = document.querySelector('#next')
const account = document.querySelector('#account')
const token = new URLSearchParams(location.hash.slice(1)).get('token')
history.replaceState(null, '', location.pathname)

function tell(place, text) {
  done.textContent = failed.textContent = ''
  place.textContent = text
}

function end() {
  form.hidden = true
  if (next) next.hidden = false
}

/** Of whom this browser is signed in as; only for pages that act for an account. */
async function signedIn() {
  const answer = await fetch('/api/v1/auth/browser/refresh', { method: 'POST' })
  return answer.ok ? (await answer.json()).access_token : undefined
}

function askForAccount() {
  account.hidden = false
  account.querySelector('input').required = true
}

function reason(status, problem, retryAfter) {
  const { path, message } = (problem.errors || [])[0] || {}
  if (path === 'body.confirm_password') return 'The two passwords differ.'
  if (problem.code === 'wrong_password') return 'The password is wrong.'
  if (problem.code === 'already_member') return 'You are already a member. Sign in to see the organization.'
  if (status === 401) return 'Enter the password of the account, or sign in to it.'
  if (path === 'body.new_password' || path === 'body.password') return 'The password ' + message + '.'
  if (status === 400) return form.dataset.invalid
  if (status === 429) return 'Too many attempts. Try again in ' + Math.ceil((retryAfter || 60) / 60) + ' min.'
  return 'Something went wrong. Try again in a moment.'
}

async function send() {
  const fields = Object.fromEntries(new FormData(form))
  if (account && account.hidden) delete fields.password
  const access = account && account.hidden ? await signedIn() : undefined
  const response = await fetch(form.dataset.endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(access && { Authorization: 'Bearer ' + access }) },
    credentials: 'omit',
    body: JSON.stringify({ token, ...fields }),
  })
  if (response.ok) {
    end()
    return tell(done, form.dataset.done)
  }
  const problem = await response.json().catch(() => ({}))
  if (response.status === 401 && account) {
    askForAccount()
    if (next) next.hidden = false
  }
  if (problem.code === 'invalid_token' || problem.code === 'already_member') end()
  tell(failed, reason(response.status, problem, response.headers.get('Retry-After')))
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const button = form.querySelector('button')
  button.disabled = true
  await send().catch(() => tell(failed, 'The service cannot be reached. Check your connection and try again.'))
  button.disabled = false
})

async function begin() {
  if (account && !(await signedIn().catch(() => undefined))) askForAccount()
  form.hidden = false
}

if (token) void begin()
else tell(failed, 'This link is incomplete. Open it from the email again.')
`
