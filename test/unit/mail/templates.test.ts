import { describe, expect, test } from 'vitest'
import {
  addressInUse,
  confirmHeldAddress,
  confirmNewAddress,
  resetPassword,
  verifyAddress,
  welcome,
} from '../../../src/mail/templates/account.ts'
import { creditsRunLow, creditsUsedUp, spendCapReached } from '../../../src/mail/templates/alerts.ts'
import { leakedKey } from '../../../src/mail/templates/keys.ts'
import { NOTICES, type NoticeKind, noticeFor } from '../../../src/mail/templates/notices.ts'
import {
  invitation,
  ORGANIZATION_NOTICES,
  type OrganizationNotice,
  organizationNotice,
} from '../../../src/mail/templates/organization.ts'
import { type Content, render } from '../../../src/mail/templates/render.tsx'

const service = 'Analytical & Sons'
const url = 'https://tollgate.test/account/verify-email#token=et_abc-_1'
const at = Date.UTC(2026, 10, 3, 9, 30)
const kinds = Object.keys(NOTICES) as NoticeKind[]
const about = (name: string | null = 'Ada') => ({ service, name, at, ip: '192.0.2.7' })

const MAILS: [string, Content][] = [
  ['verifyAddress', verifyAddress({ service, url })],
  ['resetPassword', resetPassword({ service, url })],
  ['welcome', welcome({ service, url })],
  ['confirmNewAddress', confirmNewAddress({ service, url })],
  ['confirmHeldAddress', confirmHeldAddress({ service, url })],
  ['addressInUse', addressInUse({ service })],
  ['invitation', invitation({ service, url, organization: 'Engines', role: 'admin', inviter: 'Ada' })],
  ...(Object.keys(ORGANIZATION_NOTICES) as OrganizationNotice[]).map((kind): [string, Content] => [
    `organization ${kind}`,
    organizationNotice(kind, { service, name: 'Ada', organization: 'Engines', reason: 'Unpaid' }),
  ]),
  [
    'leakedKey',
    leakedKey({
      service,
      name: 'Ada',
      organization: "Ada's",
      key: { name: 'Web & shop', hint: 'ck_live_8Q…x9Kd' },
      places: ['https://example.com/a?b=c&d'],
      at,
    }),
  ],
  [
    'creditsRunLow',
    creditsRunLow({ service, name: 'Ada', organization: 'Engines', balance: '1.50', low: '5.00', goesOn: false }),
  ],
  ['creditsUsedUp', creditsUsedUp({ service, name: 'Ada', organization: 'Engines', owed: '0.25', goesOn: false })],
  [
    'spendCapReached',
    spendCapReached({
      service,
      name: null,
      organization: 'Engines',
      action: 'block',
      cap: '5.00',
      used: '5.01',
      periodStart: '2026-11-01T00:00:00.000Z',
    }),
  ],
  ...kinds.map((kind): [string, Content] => [`notice ${kind}`, noticeFor(kind, about())]),
]

describe.each(MAILS)('%s', (_, content) => {
  const mail = render(service, 'ada@example.com', content)
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll("'", '&#39;')

  test('says the same in text and in HTML', () => {
    for (const paragraph of [...content.paragraphs, ...(content.closing ?? [])]) {
      expect(mail.text).toContain(paragraph)
      expect(mail.html).toContain(escaped(paragraph))
    }
    if (content.action) {
      expect(mail.text).toContain(content.action.url)
      expect(mail.html).toContain(`href="${content.action.url}"`)
    }
  })

  test('loads nothing, runs nothing, and has inline styles only', () => {
    expect(mail.html).toMatch(/^<!doctype html><html lang="en">/)
    expect(mail.html).not.toMatch(/<(img|script|link|style|iframe|form|object|svg)\b/)
    expect(mail.html).not.toMatch(/\s(src|srcset|background|on\w+)=|url\(/)
    const links = [...mail.html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)
    expect(new Set(links)).toEqual(new Set(content.action ? [url] : []))
  })

  test('has a subject of one line that fits a list of emails', () => {
    expect(mail.subject).toMatch(/^[^\p{Cc}]{10,100}$/u)
  })
})

test('a mail about used-up credits names a debt only if there is one', () => {
  const mail = (owed: string) =>
    render(service, 'a@b.c', creditsUsedUp({ service, name: null, organization: 'Engines', owed, goesOn: false })).text
  expect(mail('0.25')).toContain('$0.25')
  expect(mail('0.000000')).not.toContain('$')
})

describe('a notice', () => {
  test('says when and from where, or only when for an administrator’s action', () => {
    expect(render(service, 'a@b.c', noticeFor('password_changed', about())).text).toContain(
      'This was on 2026-11-03 09:30 UTC, from the network address 192.0.2.7.',
    )
    for (const kind of kinds.filter((one) => 'byAdministrator' in NOTICES[one]))
      expect(render(service, 'a@b.c', noticeFor(kind, about())).text).not.toContain('192.0.2.7')
  })

  test('greets a person by their name, if there is one', () => {
    expect(render(service, 'a@b.c', noticeFor('password_changed', about('J. R. Müller'))).text).toMatch(
      /^Hello J\. R\. Müller,/,
    )
    expect(render(service, 'a@b.c', noticeFor('password_changed', about(null))).text).toMatch(/^Hello,/)
  })
})

describe("v5.0.0-1.3.11 a person's chosen name", () => {
  const greeted = (name: string) => render(service, 'a@b.c', noticeFor('password_changed', about(name)))

  test('is escaped in HTML', () => {
    const { html } = greeted('<img src=x onerror="1">&')
    expect(html).toContain('Hello &lt;img src=x onerror=&quot;1&quot;&gt;&amp;,')
  })

  test.each(['Eve\r\nBcc', 'Eve\nBcc', 'Eve\u2028Bcc', 'Eve\u0000Bcc', 'Eve\u0085Bcc'])(
    '%j stays on one line of the text, and does not break the subject',
    (name) => {
      const mail = greeted(name)
      expect(mail.text.split('\n')[0]).toBe('Hello Eve Bcc,')
      expect(mail.subject).toBe('Your password was changed (Analytical & Sons)')
    },
  )

  test.each([
    'win at https://evil.example',
    'evil.example',
    'mail me@evil.example',
    'x\r\nBcc: eve@example.com',
    'a\\b',
  ])('%j could be read as an address, and is omitted', (name) => {
    const { text, html } = greeted(name)
    expect(text).toMatch(/^Hello,\n/)
    expect(html).not.toContain('evil')
  })

  test('is cut to 60 characters', () => {
    expect(greeted('n'.repeat(200)).text).toMatch(/^Hello n{60},\n/)
  })

  test('and neither does a service’s name with a line break create a header', () => {
    const { subject } = render(
      'Toll\r\nBcc: x',
      'a@b.c',
      noticeFor('password_changed', { ...about(), service: 'Toll\r\nBcc: x' }),
    )
    expect(subject).toBe('Your password was changed (Toll Bcc: x)')
  })
})

test('v5.0.0-1.3.11 an organization or a person whose name could be read as an address is not named in an email', () => {
  const hostile = { service, url, role: 'viewer', organization: 'win.example', inviter: 'https://evil.example' }
  const mail = render(service, 'a@b.c', invitation(hostile))
  expect(`${mail.subject}${mail.text}${mail.html}`).not.toMatch(/win\.example|evil\.example/)
  expect(mail.subject).toBe('You are invited to an organization at Analytical & Sons')
  const about = { service, name: null, organization: 'a\r\nBcc: x@evil.example' }
  expect(render(service, 'a@b.c', organizationNotice('suspended', about)).subject).toMatch(/^Your organization was /)
})

test('a mail about credits says whether requests are refused without them', () => {
  const about = { service, name: null, organization: 'Engines' }
  const mails = (goesOn: boolean) => [
    render(service, 'a@b.c', creditsUsedUp({ ...about, owed: '0', goesOn })).text,
    render(service, 'a@b.c', creditsRunLow({ ...about, balance: '1.00', low: '5.00', goesOn })).text,
  ]
  for (const text of mails(false)) expect(text).toContain('requests are refused')
  for (const text of mails(true)) expect(text).toContain('the other limits and prices of')
})
