import { expect, test } from 'vitest'
import { printFigures, seconds } from '../support/figures.js'
import { connectGateway } from '../support/gateways.js'
import { hello, startHostileNode } from '../support/hostile-node.js'
import { leakGate } from '../support/leak-gate.js'
import { RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

const SLOW = 1_000
/** A header that never ends, a few bytes a second from each client. */
const DRIP_MS = 500
/** Node's own look at slow requests comes every 2 s. */
const CUT_OFF_MS = 10_000 + 2_000

test('L6: 1,000 clients that send their headers drop by drop are cut off, and others are admitted meanwhile', async () => {
  const node = await startHostileNode({ pongTimeout: '30s' })
  const before = await node.vitals.collected()
  const cut: number[] = []
  const slow: RawClient[] = []
  const drip = setInterval(() => {
    for (const client of slow) if (!client.ended) client.send('x')
  }, DRIP_MS)
  try {
    for (let n = 0; n < SLOW; n++) {
      const client = new RawClient(node.server.port).send(`${hello().slice(0, -2)}X-Slow: `)
      const startMs = performance.now()
      // The server's goodbye is a 408 and its FIN, or a reset where the next drop meets a socket that is gone.
      let isCut = false
      const note = () => {
        if (!isCut) cut.push(performance.now() - startMs)
        isCut = true
      }
      client.socket.once('end', note).once('close', note)
      slow.push(client)
      if (n % 100 === 99) await until(async () => (await node.vitals.now()).sockets > n - 100, { withinMs: 20_000 })
    }
    const during = await node.vitals.collected()
    const admissions: number[] = []
    await until(
      async () => {
        const startMs = performance.now()
        const good = await connectGateway(node.server.url, { key: 'demo-key-globex' })
        if (!good.accepted) throw new Error(`a good client was refused: ${JSON.stringify(good.body)}`)
        admissions.push(performance.now() - startMs)
        await good.close()
        return cut.length === SLOW
      },
      { withinMs: 40_000, what: 'all slow clients are cut off' },
    )
    const bytesEach = (during.heapBytes + during.externalBytes - before.heapBytes - before.externalBytes) / SLOW
    printFigures('1,000 clients whose headers never end', {
      'the last was cut off after (allowed: 12 s, and 5 s for this machine)': seconds(Math.max(...cut)),
      'memory of the node for each': `${(bytesEach / 1_000).toFixed(1)} KB`,
      'slowest admission of a good client meanwhile': `${Math.max(...admissions).toFixed(0)} ms of ${admissions.length}`,
    })
    expect(Math.max(...cut)).toBeLessThan(CUT_OFF_MS + 5_000)
    expect(bytesEach).toBeLessThan(32_000)
    expect(Math.max(...admissions)).toBeLessThan(3_000)
    await node.settled(0, 20_000)
  } finally {
    clearInterval(drip)
    for (const client of slow) client.reset()
  }
  await node.healthy()
}, 120_000)
