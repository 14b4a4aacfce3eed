import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { NodeAnswer, NoteAnswer, StatsAnswer } from '../../src/admin/answers.js'

const LEASE = { lease: 7, connections: 3, leaseExpiresInMs: 9_000, heartbeatAgeMs: 100, late: false }

export interface TellsOf {
  /** Of itself. */
  readonly own?: Partial<StatsAnswer['node']>
  /** Of its cluster: what is away. */
  readonly away?: object
  readonly nodes?: readonly Partial<NodeAnswer>[]
  readonly refusals?: readonly Partial<NoteAnswer>[]
  /** Whose refusals these are. */
  readonly of?: 'cluster' | 'node'
}

/** The admin API of a node of whatever version, called `b`, that says this of itself and of its cluster. */
export async function nodeThatSays(told: TellsOf): Promise<string> {
  const { own, away, nodes = [{}], refusals = [], of = 'node' } = told
  const node = { name: 'b', phase: 'running', connections: 3, storeReachable: true, recoveryMs: 0, refusedLately: {} }
  const cluster = { nodes: nodes.length, connections: 3 }
  const answers: Record<string, object> = {
    orgs: { orgs: [], nextCursor: null, ...away },
    nodes: { nodes: nodes.map((each, i) => ({ name: 'b', ...LEASE, lease: 7 + i, ...each })), ...away },
    refusals: { refusals, nextCursor: null, of },
    stats: { role: 'admin', node: { ...node, ...own }, store: 'redis+cluster://h', cluster, ...away },
  }
  const server = createServer((request, response) => {
    const [, name = ''] = /^\/admin\/v1\/(\w+)/.exec(request.url ?? '') ?? []
    response.end(JSON.stringify(answers[name]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
