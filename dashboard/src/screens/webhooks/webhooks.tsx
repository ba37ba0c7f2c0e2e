import { CUSTOMER_WEBHOOKS } from '../shared/webhooks/api.ts'
import { Endpoint } from '../shared/webhooks/endpoint.tsx'
import { Endpoints } from '../shared/webhooks/endpoints.tsx'

export const Webhooks = () => <Endpoints api={CUSTOMER_WEBHOOKS} />
export const Webhook = () => <Endpoint api={CUSTOMER_WEBHOOKS} />
