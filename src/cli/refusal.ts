import type { IncomingMessage } from 'node:http'

/** What a server said instead of accepting. Only the status is certain: a proxy in between may have answered. */
export interface Refusal {
  readonly status: number
  readonly code?: string
  readonly title?: string
  readonly currentCount?: number
  readonly maxAllowed?: number
  readonly retryAfterSeconds?: number
}

const MAX_BODY_BYTES = 64 * 1_024

/** Reads a refusal to its end or as far as it comes; never rejects. The caller ends the wait by destroying it. */
export async function readRefusal(response: IncomingMessage): Promise<Refusal> {
  const body = parseObject(await readBody(response))
  const retryAfter = /^\d{1,9}$/.exec(response.headers['retry-after'] ?? '')?.[0]
  return {
    status: response.statusCode ?? 0,
    ...pick(body, 'code', 'string'),
    ...pick(body, 'title', 'string'),
    ...pick(body, 'currentCount', 'number'),
    ...pick(body, 'maxAllowed', 'number'),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: Number(retryAfter) }),
  }
}

function readBody(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_BODY_BYTES) response.destroy()
      else chunks.push(chunk)
    })
    response.on('error', () => {})
    response.on('close', () => resolve(Buffer.concat(chunks).toString()))
  })
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function pick(body: Record<string, unknown>, name: string, type: 'string' | 'number'): Record<string, never> {
  return (typeof body[name] === type ? { [name]: body[name] } : {}) as Record<string, never>
}
