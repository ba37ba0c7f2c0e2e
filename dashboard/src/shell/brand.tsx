import { portal } from '../api/portal.ts'
import { brandName } from '../lib/brand.ts'
import { Mark } from '../ui/mark.tsx'

/** Whose page this is: the mark or the operator's logo, and the name. */
export function Brand() {
  const logo = portal()?.branding.logo_url
  return (
    <span className="inline-flex min-w-0 items-center gap-2 font-medium">
      {logo ? (
        <img src={logo} alt="" referrerPolicy="no-referrer" className="h-5 max-w-24 object-contain" />
      ) : (
        <Mark className="size-5 shrink-0" />
      )}
      <span className="truncate">{brandName()}</span>
    </span>
  )
}
