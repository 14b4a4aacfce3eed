import type { Reply, StoreConnection } from '../../src/store/lease-store.js'
import { verbsOf } from '../../src/store/memory/connection.js'
import type { MemoryVerbs } from '../../src/store/memory/verbs.js'
import { aroundVerbs } from '../../src/store/verbs.js'
import type { Dice } from './dice.js'
import type { SimLink } from './sim-link.js'

/** Of the calls that tell the store what is open so many meet a further fault: that takes ms, and few would by chance. */
const MET_WHILE_TELLING = 0.1

/**
 * One connection: requests arrive in the order in which they were sent, answers come back in the order in which they
 * were given. Once it is broken no answer comes; what was sent may arrive all the same, much later.
 */
export class SimConnection {
  readonly line: StoreConnection
  readonly #link: SimLink
  readonly #pending = new Set<(cause: string) => void>()
  #close: (reason: string) => void = () => {}
  #gone: string | undefined
  readonly isAstray: boolean
  #lastArrivalMs = 0
  #lastAnswerMs = 0

  constructor(link: SimLink) {
    this.#link = link
    this.isAstray = link.isAstray
    const closed = new Promise<string>((resolve) => {
      this.#close = resolve
    })
    const verbs = aroundVerbs(
      verbsOf((verb) => this.#call(verb)),
      (verb, say) => (verb === 'hello' || verb === 'renew' ? this.#renewing(say) : say()),
    )
    const hello: StoreConnection['hello'] = async (request) => {
      const reply = await verbs.hello(request)
      if (reply.status !== 'ok') return reply
      const { afterHello } = this.#link
      this.#link.afterHello = undefined
      afterHello?.()
      return reply
    }
    const reassert: StoreConnection['reassert'] = (...said) => {
      const { store, owner } = this.#link
      const moment = `${owner.name} tells at ${store.world.nowMs}`
      const dice = store.world.diceFor(moment)
      if (dice.chance(MET_WHILE_TELLING)) store.world.at(dice.next() * 8, () => this.#link.whileTelling(moment, dice))
      return verbs.reassert(...said)
    }
    this.line = { ...verbs, hello, reassert, closed, destroy: (reason) => this.breakNow(reason) }
  }

  breakNow(reason: string): void {
    if (this.#gone) return
    this.#gone = reason
    this.#link.forget(this)
    for (const settle of this.#pending) settle(reason)
    this.#pending.clear()
    this.#close(reason)
  }

  async #renewing<T>(say: () => Promise<Reply<T>>): Promise<Reply<T>> {
    const sentAtMs = this.#link.store.world.nowMs
    const reply = await say()
    if (reply.status === 'ok') this.#link.renewedAtMs = sentAtMs
    return reply
  }

  #call<T>(verb: (verbs: MemoryVerbs) => Reply<T>): Promise<Reply<T>> {
    const { store, owner } = this.#link
    const { world, timing } = store
    if (this.#gone) return Promise.resolve({ status: 'unanswered', cause: this.#gone })
    const call = this.#link.nextCall()
    const dice = world.diceFor(call)
    const { breaks, arrivesLate, comesTwice } = this.#trouble(call, dice)
    return new Promise((resolve) => {
      const settle = (reply: Reply<T>) => {
        cancel()
        this.#pending.delete(unanswered)
        resolve(reply)
      }
      const unanswered = (cause: string) => settle({ status: 'unanswered', cause })
      const cancel = world.at(timing.callTimeoutMs, () => this.breakNow('no answer in time'), owner, true)
      this.#pending.add(unanswered)

      if (breaks === 'before') world.at(dice.next() * 3, () => this.breakNow('reset by the network'), owner)
      const arriveMs = Math.max(this.#lastArrivalMs, world.nowMs + dice.next() * 4)
      this.#lastArrivalMs = arriveMs

      const deliverLater = (how: string) => {
        const laterMs = dice.next() * store.habits.lateMs
        world.note(`${call} will arrive ${how}, in ${Math.round(laterMs)} ms`)
        world.at(laterMs, () => store.arrive(() => void verb(store.verbsFor(this))))
      }
      const execute = () => store.arrive(() => this.#answer(verb(store.verbsFor(this)), settle, breaks === 'after'))
      this.#link.travel(arriveMs - world.nowMs, () => {
        // What a broken connection had sent is lost, or held back by the network and delivered later.
        if (!this.#gone) execute()
        else if (arrivesLate && world.happens(`${call} arrives late`)) deliverLater('late, from a broken connection')
      })
      if (comesTwice) deliverLater('a second time')
    })
  }

  #trouble(call: string, dice: Dice) {
    const { world, habits } = this.#link.store
    const breaks = dice.chance(habits.breakChance) ? dice.pick(['before', 'after'] as const) : undefined
    const comesTwice = dice.chance(habits.twiceChance)
    return {
      breaks: breaks && world.happens(`${call} breaks ${breaks} it ran`) ? breaks : undefined,
      arrivesLate: dice.chance(habits.lateChance),
      comesTwice: comesTwice && world.happens(`${call} comes twice`),
    }
  }

  #answer<T>(reply: Reply<T>, settle: (reply: Reply<T>) => void, breaks: boolean): void {
    const { store, owner } = this.#link
    const { world } = store
    const atMs = Math.max(this.#lastAnswerMs, world.nowMs + this.#link.dice.next() * 4)
    this.#lastAnswerMs = atMs
    this.#link.travel(
      atMs - world.nowMs,
      () => {
        if (this.#gone) return
        if (breaks) this.breakNow('reset by the network')
        else settle(reply)
      },
      owner,
    )
  }
}
