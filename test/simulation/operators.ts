import type { Dice } from './dice.js'
import type { Scenario, SimNode } from './scenario.js'

const LIMITS = [undefined, 0, 1, 2, 4, 8]

/** What operators do meanwhile, one thing every few seconds, through whatever node. */
export class Operators {
  readonly #scenario: Scenario
  #turn = 0
  #home = false

  constructor(scenario: Scenario) {
    this.#scenario = scenario
  }

  begin(): void {
    const { world, nodes } = this.#scenario
    const turn = `operator, turn ${++this.#turn}`
    const dice = world.diceFor(turn)
    world.at(dice.next() * 6_000, () => {
      if (this.#home) return
      const through = dice.pick(nodes.filter((sim) => !sim.dead && !sim.paused))
      if (through && world.happens(turn)) this.#act(through, dice)
      this.begin()
    })
  }

  goHome(): void {
    this.#home = true
  }

  #act(through: SimNode, dice: Dice): void {
    const { world, nodes, store } = this.#scenario
    const tell = (what: string, asked: Promise<unknown>) => {
      world.note(`operator at ${through.name}: ${what}`)
      asked.then(
        (done) => world.note(`operator at ${through.name}: done ${JSON.stringify(done) ?? ''}`),
        (error: Error) => world.note(`operator at ${through.name}: ${error.message}`),
      )
    }
    const kind = dice.int(0, 9)
    const victim = dice.pick(nodes.flatMap((sim) => [...sim.open]))
    const lease = dice.pick([...store.tables.live.keys()])
    if (kind <= 4) {
      const [org, limit] = [dice.pick(this.#scenario.orgs)!, dice.pick(LIMITS)]
      const terms = {
        ...(limit !== undefined && dice.chance(0.4) && { forMs: 1 + dice.next() * 30_000 }),
        ...(dice.chance(0.3) && { kind: 'tier' as const, tier: 'gold' }),
      }
      tell(`${org} may hold ${limit}, ${JSON.stringify(terms)}`, through.node.setLimit(org, limit, terms))
    } else if (kind <= 8 && victim) {
      const { org, admitted } = victim
      const whom = dice.chance(0.7) ? { connectionId: admitted.connectionId } : { orgId: org }
      tell(`evicts ${JSON.stringify(whom)}`, through.node.orders.evict(whom))
    } else if (lease !== undefined && nodes.filter((sim) => !sim.dead && !sim.drains).length > 1) {
      tell(`drains ${lease}`, through.node.orders.drain(lease))
    }
  }
}
