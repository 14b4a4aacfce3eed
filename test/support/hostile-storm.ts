import { connectGateway } from './gateways.js'
import type { HostileNode } from './hostile-node.js'
import { later, misbehave } from './misbehave.js'
import type { HeapVitals } from './vitals.js'

// More at once would overflow the kernel's accept queue, and then the test measures its retries of SYN.
const AT_ONCE = 25
/** So many make the process reach its working size: code compiled, buffers pooled, maps grown. */
const WARM_UP = 500

/** What may be left on the heap that no client is to blame for: code compiled late, a timer, a call under way. */
const SLACK = { heapBytes: 2_000_000, requests: 3, functions: 200, signals: 10 }

/**
 * Sends `clients` hostile clients at random moments while Redis stops and goes, and one good client that must not
 * notice. Throws when anything is left of them: a slot, a socket, or objects on the heap, compared with what was there
 * after the first few hundred.
 */
export async function hostileStorm(node: HostileNode, clients: number, random: () => number): Promise<void> {
  const good = await connectGateway(node.server.url, { key: 'demo-key-globex' })
  if (!good.accepted) throw new Error(`the good client was refused: ${JSON.stringify(good.body)}`)
  await wave(node, WARM_UP, random)
  await node.settled(1)
  const before = await node.vitals.heap()
  await wave(node, clients - WARM_UP, random)
  await node.settled(1)
  const after = await node.vitals.heap()
  const grown = growth(before, after)
  if (grown.length > 0) throw new Error(`the process grew with its hostile clients: ${grown.join(', ')}`)
  if (good.ws.readyState !== good.ws.OPEN) throw new Error(`the good client was closed: ${await good.closed}`)
  await good.close()
  await node.settled(0)
  await node.healthy()
}

async function wave(node: HostileNode, clients: number, random: () => number): Promise<void> {
  let going = true
  const stopAndGo = (async () => {
    while (going) {
      await node.holdDecisions()
      await later(random() * 40)
      await node.resume()
      await later(random() * 10)
    }
  })()
  let left = clients
  try {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) await misbehave(node.server.port, random)
      }),
    )
  } finally {
    going = false
    await stopAndGo
  }
}

function growth(before: HeapVitals, after: HeapVitals): string[] {
  return (Object.keys(SLACK) as (keyof typeof SLACK)[]).flatMap((what) =>
    after[what] - before[what] > SLACK[what] ? [`${what} from ${before[what]} to ${after[what]}`] : [],
  )
}
