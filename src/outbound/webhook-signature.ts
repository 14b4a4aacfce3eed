import { createHmac } from 'node:crypto'

const SECRET = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/
const LEAST_BYTES = 24
const MOST_BYTES = 64

/** Reads `whsec_` and base64 of 24 to 64 bytes; several, separated by commas, while a secret is replaced. */
export function webhookSecrets(text: string): Buffer[] | undefined {
  const secrets = text.split(',').map((part) => Buffer.from(SECRET.exec(part.trim())?.[1] ?? '', 'base64'))
  return secrets.every(({ length }) => length >= LEAST_BYTES && length <= MOST_BYTES) ? secrets : undefined
}

/** The headers by which a receiver knows that we sent this body, and when: those of Standard Webhooks 1.0. */
export function signatureHeaders(
  secrets: readonly Buffer[],
  id: string,
  wallMs: number,
  body: string,
): Record<string, string> {
  const timestamp = String(Math.floor(wallMs / 1_000))
  const sign = (secret: Buffer) => createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => `v1,${sign(secret)}`).join(' '),
  }
}
