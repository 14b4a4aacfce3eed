import type { IncomingMessage } from 'node:http'
import { fieldsOf } from '../../core/parse-json.js'

/** What a server said instead of accepting. Only the status is certain: a proxy in between may have answered. */
export interface Refusal {
  /** Of HTTP, or the close code where the refusal was told inside a WebSocket. */
  readonly status: number
  readonly code?: string
  readonly title?: string
  readonly currentCount?: number
  readonly maxAllowed?: number
  readonly retryAfterSeconds?: number
  /** The name of this one refusal, for `headcount why`. */
  readonly instance?: string
}

const MAX_BODY_BYTES = 64 * 1_024

/** Reads a refusal to its end or as far as it comes; never rejects. The caller ends the wait by destroying it. */
export async function readRefusal(response: IncomingMessage): Promise<Refusal> {
  const body = fieldsOf(await readBody(response))
  const retryAfter = /^\d{1,9}$/.exec(response.headers['retry-after'] ?? '')?.[0]
  return {
    status: response.statusCode ?? 0,
    ...said(body),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: Number(retryAfter) }),
  }
}

/** A refusal in the first frame, whose status is the close code that follows; `undefined` for any other frame. */
export function refusalInFrame(frame: string): Omit<Refusal, 'status'> | undefined {
  const words = fieldsOf(frame)
  return words.type === 'error' ? { ...said(words), ...pick(words, 'retryAfterSeconds', 'number') } : undefined
}

function said(words: Record<string, unknown>): Omit<Refusal, 'status'> {
  return {
    ...pick(words, 'code', 'string'),
    ...pick(words, 'title', 'string'),
    ...pick(words, 'currentCount', 'number'),
    ...pick(words, 'maxAllowed', 'number'),
    ...pick(words, 'instance', 'string'),
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

function pick(body: Record<string, unknown>, name: string, type: 'string' | 'number'): Record<string, never> {
  return (typeof body[name] === type ? { [name]: body[name] } : {}) as Record<string, never>
}
