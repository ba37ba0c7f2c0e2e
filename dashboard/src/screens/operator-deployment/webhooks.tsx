import { OPERATOR_WEBHOOKS } from '../shared/webhooks/api.ts'
import { Endpoint } from '../shared/webhooks/endpoint.tsx'
import { Endpoints } from '../shared/webhooks/endpoints.tsx'

export const OperatorEndpoints = () => <Endpoints api={OPERATOR_WEBHOOKS} />
export const OperatorEndpoint = () => <Endpoint api={OPERATOR_WEBHOOKS} />
