import { createRequire } from 'node:module'

const Bottleneck = createRequire(import.meta.url)('bottleneck')

/** As many orgs as it is measured with: each takes an object in each node, with a timer and two subscriptions. */
const ORGS = 2_000
/** Each limiter would send a script every 5 s, and that would be counted as the call of whoever is measured meanwhile. */
const UNBEATEN = { heartbeatInterval: 3_600_000, clientTimeout: 3_600_000 }

/**
 * The package bottleneck as its users call it: a limiter an org, and a connection is a job that runs until it closes.
 * By its documentation this refuses in place of queuing: no queue beyond 0, and who comes then is dropped. The answer
 * is how to give the slot back, or undefined; none at all while the job waits in the queue after all. `lost` is called
 * when a job has been running for longer than it may.
 */
export function bottleneckSlots({ client, prefix, expirationMs = null, lost = () => {}, ...options }) {
  const connection = new Bottleneck.IORedisConnection({ client: client.duplicate() })
  const limiters = new Map()
  // The limit is a property of the limiter and stays in Redis.
  const limiterOf = (org, limit) => {
    const id = `${prefix}bottleneck:${limit}:${org}`
    const how = { maxConcurrent: limit, highWater: 0, strategy: Bottleneck.strategy.OVERFLOW }
    if (!limiters.has(id)) limiters.set(id, new Bottleneck({ id, connection, ...how, ...options }))
    return limiters.get(id)
  }
  const take = (org, limit) =>
    new Promise((answer) => {
      let isHeld = false
      const job = limiterOf(org, limit).schedule({ expiration: expirationMs }, () => {
        isHeld = true
        return new Promise((end) =>
          answer(() => {
            end()
            return job.then(() => true)
          }),
        )
      })
      job.catch(() => (isHeld ? lost(org) : answer(undefined)))
    })
  return { take, close: () => connection.disconnect(false) }
}

/**
 * The same for what is measured: an acquire sends two scripts, a refusal and a release one each. Who passes `pipelined`
 * can ask for several at a time, of orgs of their own: all limiters of an org hear of each of its releases.
 */
export function bottleneck({ plain, pipelined, prefix }) {
  const clients = pipelined ? [plain, pipelined] : [plain]
  const slots = clients.map((client, i) => bottleneckSlots({ client, prefix: `${prefix}${i}:`, ...UNBEATEN }))
  const [single, many] = slots
  const held = new Map()
  const take = (items, limit) =>
    Promise.all(
      items.map(async ({ org, id }) => {
        const giveBack = await (items.length > 1 ? many : single).take(org, limit)
        if (giveBack) held.set(id, giveBack)
        return giveBack !== undefined
      }),
    )
  return {
    name: 'Bottleneck',
    orgs: ORGS,
    commands: { acquire: 'evalsha', refuse: 'evalsha', release: 'evalsha' },
    /** An org is there twice, once with room and once full. */
    async populate(orgs) {
      const fill = ({ take }, limitOf) =>
        Promise.all(orgs.slice(0, ORGS).flatMap(({ org, ids }) => ids.map(() => take(org, limitOf(ids)))))
      for (const one of slots) {
        await fill(one, (ids) => ids.length + 1)
        await fill(one, (ids) => ids.length)
      }
    },
    acquire: (items) => take(items, items[0].roomy),
    refuse: (items) => take(items, items[0].full),
    release: (items) =>
      Promise.all(
        items.map(({ id }) => {
          const giveBack = held.get(id)
          held.delete(id)
          return giveBack()
        }),
      ),
    close: () => Promise.all(slots.map((one) => one.close())),
  }
}
