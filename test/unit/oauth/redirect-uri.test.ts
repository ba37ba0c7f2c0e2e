import { describe, expect, test } from 'vitest'
import { describeRedirect, isRedirectUri, isRegistered } from '../../../src/oauth/redirect-uri.ts'

describe('a redirect goes', () => {
  test.each([
    'https://app.example.com/callback',
    'https://app.example.com:8443/callback?x=1',
    'http://127.0.0.1/callback',
    'http://[::1]:4000/callback',
    'http://localhost:4000/',
    'com.example.app:/callback',
    'cursor://anysphere.cursor-deeplink/callback',
  ])('to %s', (uri) => {
    expect(isRedirectUri(uri)).toBe(true)
    expect(isRegistered(uri, ['https://other.example.com/', uri])).toBe(true)
  })

  test.each([
    '',
    '/callback',
    'callback',
    'http://app.example.com/callback',
    'http://127.0.0.1.example.com/callback',
    'http://10.0.0.1/callback',
    'https://app.example.com/callback#fragment',
    'https://app.example.com/callback#',
    'https://user@app.example.com/callback',
    'https://user:password@app.example.com/callback',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://app.example.com/x',
    'about:blank',
    'ftp://app.example.com/',
    'ws://127.0.0.1/',
    // URL drops or encodes these, so that the address would differ from the registered one
    ' https://app.example.com/callback',
    'https://app.example.com/callback\n',
    'https://app.example.com/call\tback',
    'https://app.example.com/\0',
    'https://app.example.com/\ud800',
    'https://app.example.com/é',
    'https://bücher.example/callback',
  ])('never to %j', (uri) => {
    expect(isRedirectUri(uri)).toBe(false)
  })
})

test.each([
  ['http://127.0.0.1:51234/callback', 'http://127.0.0.1/callback', true],
  ['http://127.0.0.1/callback', 'http://127.0.0.1:3000/callback', true],
  ['http://[::1]:51234/callback', 'http://[::1]/callback', true],
  ['http://127.0.0.1:51234/callback?x=1', 'http://127.0.0.1/callback', false],
  ['http://127.0.0.1:51234/other', 'http://127.0.0.1/callback', false],
  ['http://localhost:51234/callback', 'http://127.0.0.1/callback', false],
  ['http://user@127.0.0.1:51234/callback', 'http://127.0.0.1/callback', false],
  ['http://127.0.0.1:51234/callback#x', 'http://127.0.0.1/callback', false],
  ['https://app.example.com:444/callback', 'https://app.example.com/callback', false],
  ['https://app.example.com/callback/', 'https://app.example.com/callback', false],
  ['https://app.example.com/CALLBACK', 'https://app.example.com/callback', false],
  ['https://evil.example.com/callback', 'https://app.example.com/callback', false],
])('%s for the registered %s: %s', (presented, registered, is) => {
  expect(isRegistered(presented, [registered])).toBe(is)
})

test('people are told in plain words where they are sent', () => {
  expect(describeRedirect('https://app.example.com:8443/callback')).toBe('app.example.com:8443')
  expect(describeRedirect('http://127.0.0.1:3000/callback')).toBe('this computer')
  expect(describeRedirect('cursor://callback')).toBe('cursor')
})
