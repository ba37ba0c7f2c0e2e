/** The methods of an OpenAPI path item that routes use. */
export const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const
