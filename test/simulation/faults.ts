import type { Dice } from './dice.js'
import type { Scenario, SimNode } from './scenario.js'
import type { Waking } from './world.js'

/** What goes wrong on a bad day, one thing every few seconds, until the calm. */
export class Faults {
  readonly #scenario: Scenario
  #count = 0
  #calm = false

  constructor(scenario: Scenario) {
    this.#scenario = scenario
  }

  begin(): void {
    if (this.#scenario.features.staleStores) this.#copy()
    this.#strikeLater()
  }

  /** A replica of the store has got all until now, and falls behind until the next time. */
  #copy(): void {
    const { world, store } = this.#scenario
    store.copy()
    world.at(world.diceFor(`copy at ${world.nowMs}`).next() * 20_000, () => this.#calm || this.#copy())
  }

  #strikeLater(): void {
    const fault = `fault ${++this.#count}`
    const { world } = this.#scenario
    const dice = world.diceFor(fault)
    world.at(dice.next() * 8_000, () => {
      if (this.#calm) return
      if (world.happens(fault)) this.#strike(dice)
      this.#strikeLater()
    })
  }

  /** From here on nothing goes wrong, and what was wrong is put right. */
  heal(): void {
    const { world, store, nodes } = this.#scenario
    this.#calm = true
    world.note('--- calm ---')
    store.thaw()
    for (const sim of nodes) {
      this.#leadBack(sim)
      this.#reconnect(sim)
      this.#wake(sim, 'as due')
    }
    Object.assign(store.habits, { breakChance: 0, twiceChance: 0 })
    // Who was told to stop, and has not heard of it yet, stops now.
    const isLast = nodes.every((sim) => sim.dead || sim.node.phase === 'draining')
    if (isLast || this.#scenario.features.operators) this.#scenario.boot()
  }

  pause(sim: SimNode, leastMs: number, dice: Dice): void {
    if (sim.paused || sim.dead || this.#calm) return
    const { world } = this.#scenario
    world.note(`${sim.name} is paused`)
    sim.paused = true
    sim.unwell.push({ by: 'pause', fromMs: world.nowMs })
    const waking = dice.pick(['as due', 'timers first', 'slept'] as const)!
    world.at(leastMs + dice.next() * 30_000, () => this.#wake(sim, waking))
  }

  /** A second fault, before the node is over the first. */
  whileTelling(moment: string, sim: SimNode, dice: Dice): void {
    if (this.#calm || sim.dead || sim.paused || sim.link.cut || !this.#scenario.world.happens(moment)) return
    const kind = dice.pick(['paused', 'cut off', 'store frozen', 'store wiped'] as const)!
    if (kind === 'paused') this.pause(sim, 0, dice)
    else if (kind === 'cut off') this.#strikeNode(sim, 2, dice)
    else if (kind === 'store frozen') this.#strikeStore(6, sim, dice)
    else this.#wipe()
  }

  #wipe(): void {
    this.#scenario.world.note('the store is wiped')
    this.#scenario.store.tables.wipe()
  }

  #strike(dice: Dice): void {
    const { nodes } = this.#scenario
    const sim = dice.pick(nodes.filter((node) => !node.dead && !node.paused && !node.link.cut))
    const kind = dice.int(0, 11)
    if (this.#scenario.features.staleStores && dice.chance(0.2)) this.#strikeStale(sim, dice)
    else if (kind <= 5 || kind === 9) {
      if (sim) this.#strikeNode(sim, kind, dice)
    } else if (kind === 10) {
      if (sim && nodes.filter((node) => !node.dead).length > 1) this.drain(sim, dice)
    } else this.#strikeStore(kind, sim, dice)
  }

  #strikeNode(sim: SimNode, kind: number, dice: Dice): void {
    const { world } = this.#scenario
    if (kind <= 1) this.pause(sim, 0, dice)
    else if (kind <= 3) {
      this.#cutOff(sim)
      world.at(dice.next() * 30_000, () => this.#reconnect(sim))
    } else if (kind === 4) {
      this.#kill(sim)
      this.#bootWithin(10_000, dice)
    } else if (kind === 5) {
      world.note(`${sim.name}: connections reset`)
      sim.link.breakAll()
    } else {
      const jumpMs = dice.int(-1e7, 1e7)
      // A machine that sleeps knows that by its wall clock alone.
      sim.wallOffsetMs += sim.sleptMs > 0 ? Math.max(0, jumpMs) : jumpMs
      sim.wasSetBack ||= jumpMs < 0
      world.note(`${sim.name}: the wall clock jumps`)
    }
  }

  #strikeStore(kind: number, sim: SimNode | undefined, dice: Dice): void {
    const { world, store } = this.#scenario
    if (kind === 6) {
      world.note('the store freezes')
      store.frozen = true
      world.at(dice.next() * 20_000, () => store.thaw())
    } else if (kind === 7) {
      const jumpMs = dice.pick([3_600_000, -3_600_000, 5_000, -5_000]) as number
      store.timeOffsetMs += jumpMs
      world.note(`the clock of the store jumps by ${jumpMs / 1_000} s`)
    } else if (kind === 8) {
      if (dice.chance(0.5)) {
        if (sim && dice.chance(0.5)) this.#straggle(sim, dice)
        this.#wipe()
      } else {
        const how = dice.pick(['proxy', 'SWAPDB'] as const)!
        this.#leadElsewhere(how)
        // Sometimes for so short that nobody has got a lease there.
        const awayMs = dice.chance(0.3) ? 30 : 25_000
        world.at(dice.next() * awayMs, () => this.#calm || this.#leadElsewhere(how))
      }
    }
  }

  /**
   * As a proxy with a spare does: its connections end, and what they had sent may arrive, wherever it leads by then. Or as
   * SWAPDB does, and all connections go on.
   */
  #leadElsewhere(how: 'proxy' | 'SWAPDB'): void {
    const { world, store, nodes } = this.#scenario
    world.note(`the address leads to another store (${how})`)
    if (how === 'proxy') for (const { link } of nodes) link.breakAll()
    store.leadElsewhere()
  }

  /** As the server does on a signal, or on an operator's order. */
  drain(sim: SimNode, dice: Dice): void {
    if (sim.drains || sim.dead) return
    sim.drains = true
    this.#scenario.world.note(`${sim.name} drains`)
    void sim.node.drain({ withinMs: 5_000 }).then(() => this.#kill(sim))
    this.#bootWithin(10_000, dice)
  }

  /** A stale replica takes over; or one node alone is led to another process, as by a name server of its own. */
  #strikeStale(sim: SimNode | undefined, dice: Dice): void {
    const { world, store, nodes, checks } = this.#scenario
    if (sim && dice.chance(0.5)) {
      world.note(`${sim.name} alone is led to another store`)
      sim.wasAstray = true
      sim.link.isAstray = true
      sim.link.breakAll()
      world.at(dice.next() * 30_000, () => this.#leadBack(sim))
      return
    }
    world.note('a stale replica takes over')
    for (const { link } of nodes) link.breakAll()
    store.failOver()
    checks.watchVerbs()
  }

  #leadBack({ name, link }: SimNode): void {
    if (!link.isAstray) return
    this.#scenario.world.note(`${name} is led back`)
    link.isAstray = false
    link.breakAll()
  }

  #bootWithin(ms: number, dice: Dice): void {
    this.#scenario.world.at(dice.next() * ms, () => this.#calm || this.#scenario.boot())
  }

  #cutOff(sim: SimNode): void {
    const { world } = this.#scenario
    world.note(`${sim.name} is cut off from the store`)
    sim.link.cut = true
    sim.unwell.push({ by: 'cut', fromMs: world.nowMs })
  }

  /**
   * Cut off until shortly before it trusts its lease no more, and again as soon as it has said hello: before it has told
   * what is open.
   */
  #straggle(sim: SimNode, dice: Dice): void {
    const { world, timing } = this.#scenario
    this.#cutOff(sim)
    world.at(timing.trustMs * (0.5 + dice.next() * 0.3), () => {
      if (this.#calm || sim.dead) return
      this.#reconnect(sim)
      sim.link.afterHello = () => {
        if (this.#calm || sim.link.cut) return
        this.#cutOff(sim)
        world.at(dice.next() * 30_000, () => this.#reconnect(sim))
      }
    })
  }

  #reconnect(sim: SimNode): void {
    if (!sim.link.cut) return
    this.#scenario.world.note(`${sim.name} reaches the store again`)
    this.#recovered(sim, 'cut')
    sim.link.heal()
  }

  #wake(sim: SimNode, waking: Waking): void {
    if (!sim.paused) return
    const pausedAtMs = sim.unwell.findLast(({ by }) => by === 'pause')!.fromMs
    this.#recovered(sim, 'pause')
    const how = waking === 'slept' && sim.wasSetBack ? 'as due' : waking
    this.#scenario.world.note(`${sim.name} goes on, ${how}`)
    this.#scenario.world.resume(sim, pausedAtMs, how)
  }

  #recovered(sim: SimNode, from: 'pause' | 'cut'): void {
    for (const time of sim.unwell) if (time.by === from) time.toMs ??= this.#scenario.world.nowMs
  }

  #kill(sim: SimNode): void {
    if (sim.dead) return
    this.#scenario.world.note(`${sim.name} dies with ${sim.open.size} connections`)
    sim.dead = true
    sim.open.clear()
  }
}
