/** The scopes that applications may request in development and in the tests. */
export const LOCAL_SCOPES = {
  'reports:read': 'Read your reports.',
  'reports:write': 'Create and change reports.',
  'tollgate:keys:read': 'See the API keys of your organization, but not the keys themselves.',
  'tollgate:usage:events': 'See single requests of your organization.',
  'tollgate:audit:read': 'Read the audit log of your organization.',
}
