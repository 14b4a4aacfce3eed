import { type Fault, long, nodeOf, short } from './fault.js'

const happen: Fault['happen'] = (stage, plan) => {
  const node = nodeOf(stage, plan)
  return stage.during(
    'paused',
    node,
    plan.lastsMs,
    () => node.server.pause(),
    () => node.server.resume(),
  )
}

export const nodePaused: Fault = { name: 'node frozen (SIGSTOP) for less than its lease', lastsMs: short, happen }

/** Others take its slots meanwhile; it learns of it when it goes on (S3, R5). */
export const nodePausedLong: Fault = { name: 'node frozen (SIGSTOP) for longer than its lease', lastsMs: long, happen }
