/** As a node of ours batches (src/node/queues/admission-queue.ts), so that what is left between the two is not the batching. */
const [MAX_ITEMS, CALLS_IN_FLIGHT, FULL_CALLS_IN_FLIGHT] = [64, 2, 16]

/**
 * The script that does nothing, for all who ask behind a call that is under way: what could be had at most through this
 * client. It is given what a limiter would have to send: three keys a call and one an item, three arguments an item.
 */
export function emptyBatched({ plain, prefix }) {
  plain.defineCommand('benchEmptyBatch', { lua: 'return tonumber(ARGV[2])' })
  const shared = ['live', 'meta', 'conns:1'].map((name) => `${prefix}empty:${name}`)
  const call = async (verb, batch) => {
    const keys = [...shared, ...batch.map(({ item }) => `${prefix}empty:org:${item.org}`)]
    const args = batch.flatMap(({ item }) => [item.id, item.node, item.roomy])
    const count = await plain.benchEmptyBatch(keys.length, ...keys, verb, batch.length, ...args)
    for (const { answer } of batch) answer([count === batch.length])
  }
  const acquires = coalesced((batch) => call('acquire', batch))
  const releases = coalesced((batch) => call('release', batch))
  return {
    name: 'the same, batched as ours',
    acquire: ([item]) => acquires(item),
    release: ([item]) => releases(item),
  }
}

function coalesced(call) {
  let waiting = []
  let inFlight = 0
  const flush = () => {
    while (waiting.length > 0 && inFlight < FULL_CALLS_IN_FLIGHT) {
      if (waiting.length < MAX_ITEMS && inFlight >= CALLS_IN_FLIGHT) return
      const batch = waiting.slice(0, MAX_ITEMS)
      waiting = waiting.slice(MAX_ITEMS)
      inFlight++
      call(batch).then(() => {
        inFlight--
        flush()
      })
    }
  }
  return (item) =>
    new Promise((answer) => {
      waiting.push({ item, answer })
      flush()
    })
}
