/** What applications may ask for in development and in the tests. */
export const LOCAL_SCOPES = {
  'reports:read': 'Read your reports.',
  'reports:write': 'Create and change reports.',
  'tollgate:usage:events': 'See single requests of your organization.',
  'tollgate:audit:read': 'Read the audit log of your organization.',
}
