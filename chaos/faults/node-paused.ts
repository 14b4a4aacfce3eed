import { type Fault, long, short, toOneNode } from './fault.js'

const happen = toOneNode(
  'paused',
  ({ server }) => server.pause(),
  ({ server }) => server.resume(),
)

export const nodePaused: Fault = { name: 'node frozen (SIGSTOP) for less than its lease', lastsMs: short, happen }

/** Others take its slots meanwhile; it learns of it when it goes on (S3, R5). */
export const nodePausedLong: Fault = { name: 'node frozen (SIGSTOP) for longer than its lease', lastsMs: long, happen }
