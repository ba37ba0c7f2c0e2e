/** Whether a host is a domain or one of its subdomains. */
export const isWithin = (host: string, domain = host): boolean => host === domain || host.endsWith(`.${domain}`)
