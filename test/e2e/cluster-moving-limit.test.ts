import { describe, expect, test } from 'vitest'
import { brokenServer } from '../support/broken-build.js'
import { type Fleet, startFleet } from '../support/fleet.js'
import { LimitHistory } from '../support/limit-history.js'
import { PassersBy } from '../support/passers-by.js'
import { until } from '../support/until.js'

const PER_SECOND = 500
const CLIENTS_A_CHANGE = 50
/** Pings are no part of the story. */
const ENV = { WS_CONNECTION_TIMEOUT: '10m' }

/** Sets limits from 1 to 12, up and down, from node to node, under clients that come at the rate; the surplus is closed. */
async function storm({ redis, books, urls, nodes, keyOf }: Fleet, changes: number) {
  const history = await LimitHistory.start(redis.url, { keys: books.keys, org: 'acme', limit: 3 })
  // Every third comes for good, so that there is always somebody to be closed.
  let turn = 0
  const stayMs = () => (turn++ % 3 === 0 ? 600_000 : 20 * (turn % 7))
  const clients = new PassersBy({ urls, key: keyOf('acme'), perSecond: PER_SECOND, stayMs })
  try {
    // A script that was found out may never come to rest, and need not.
    for (let i = 0; i < changes && history.broken.length === 0; i++) {
      const body = JSON.stringify({ limit: 1 + ((i * 7) % 12), onLowered: 'newest' })
      await nodes[i % nodes.length]!.admin('/admin/v1/orgs/acme/limit', { method: 'PUT', body })
      // A surplus of which somebody left just now may take a second look, after the next renewal.
      const isAtRest = () => history.changes === i + 1 && history.surplus <= 0
      await until(() => isAtRest() || history.broken.length > 0, { what: 'the surplus is told to leave' })
      await until(() => clients.offered >= (i + 1) * CLIENTS_A_CHANGE)
    }
    const perSecond = await clients.stop()
    await until(async () => (await books.count('acme')) === 0, { withinMs: 10_000, what: 'the slots are given back' })
    return { history, clients, perSecond }
  } finally {
    await clients.stop()
    history.stop()
  }
}

describe('a limit that is raised and lowered a hundred times while 500 clients a second come to two nodes', () => {
  test('S1: no admission beyond the limit in force when its script ran, and exactly the surplus is closed, once', async () => {
    const fleet = await startFleet({ count: 2, orgs: ['acme'], env: ENV })
    try {
      const { history, clients, perSecond } = await storm(fleet, 100)
      expect(history.broken).toEqual([])
      expect(history.changes).toBe(100)
      expect(perSecond).toBeGreaterThanOrEqual(PER_SECOND)
      expect(clients.offered).toBeGreaterThanOrEqual(100 * CLIENTS_A_CHANGE)
      // L6: nobody is left without an answer.
      expect([...clients.answers.keys()].filter((answer) => answer.startsWith('no answer'))).toEqual([])
      expect(clients.answers.get('101')).toBeGreaterThan(100)
      expect(history.ordered.size).toBeGreaterThan(50)
      const closed = [...clients.closedWith.keys()]
      expect(new Set(clients.closedWith.values())).toEqual(new Set([4429]))
      expect(
        closed.filter((id) => !history.ordered.has(id)),
        'closed, and not told to',
      ).toEqual([])
      const stayed = [...history.ordered].filter((id) => !clients.closedWith.has(id) && !clients.left.has(id))
      expect(stayed, 'told to leave, and still there').toEqual([])
    } finally {
      await fleet.stop()
    }
  }, 120_000)

  test.each([
    ['admits one too many', 'card >= slots then', 'card > slots then', 'admitted: '],
    ['closes one too many', 'elseif open <= 0 then', 'elseif open < 0 then', 'told to leave: one of '],
  ])(
    'control: a script that %s is found',
    async (_, right, wrong, found) => {
      const script = brokenServer('store/redis/script.generated.js', right, wrong)
      const fleet = await startFleet({ count: 1, orgs: ['acme'], env: ENV, script })
      try {
        expect((await storm(fleet, 20)).history.broken.join()).toContain(found)
      } finally {
        await fleet.stop()
      }
    },
    60_000,
  )
})
