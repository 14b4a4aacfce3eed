/** Where WSO2's gateways connect. */
export const ENDPOINT = '/api/internal/v1/ws/gateways/connect'
