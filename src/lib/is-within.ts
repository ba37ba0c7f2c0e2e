/** Whether a host is a domain, or below it. */
export const isWithin = (host: string, domain = host): boolean => host === domain || host.endsWith(`.${domain}`)
