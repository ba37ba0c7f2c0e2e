import { newRouter } from '../../api/api-route.ts'
import { withJsonBody } from '../../api/body.ts'
import { fieldErrors } from '../../field-errors.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { LeakReport, processLeakReport } from './report.ts'
import { isSigned } from './signature.ts'

/**
 * Receives reports of leaked keys from a secret scanner: GitHub's partner program, or a service that signs the same way
 * (docs/operate/secret-scanning.md). Not part of the published API; the route exists only if the scanner's keys are
 * configured.
 */
export const leakedRoutes = newRouter()

leakedRoutes.post(
  '/keys/leaked',
  async (c, next) => {
    if (!c.var.deps.config.LEAK_REPORT_KEYS) throw new Problem('not_found')
    await enforceRateLimits(c.var.deps, { key_leak_report_address: { address: networkAddress(c.var.deps) } })
    await next()
  },
  withJsonBody,
  async (c) => {
    const body = await c.req.text()
    const keyId = c.req.header('Github-Public-Key-Identifier')
    const signature = c.req.header('Github-Public-Key-Signature')
    if (!(await isSigned(c.var.deps.config.LEAK_REPORT_KEYS ?? [], { keyId, signature, body })))
      throw new Problem('unsigned_report')
    const report = LeakReport.safeParse(JSON.parse(body))
    if (!report.success) throw new Problem('invalid_request', { errors: fieldErrors('body', report.error.issues) })
    return c.json(await processLeakReport(c.var.deps, report.data), 200)
  },
)
