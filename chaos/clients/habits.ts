import type { Dice } from '../dice.js'
import type { Leave } from '../records.js'

/** How a client behaves. */
export interface Habit {
  readonly name: string
  readonly meanLifeMs: number
  readonly leave: Leave
  /** It leaves a server that has answered no ping for so long. */
  readonly patienceMs: number
  /** It heeds no Retry-After and knocks again after so long on average. */
  readonly hammersEveryMs?: number
  /** It resets its connection while it is being opened, or just after. */
  readonly resets?: boolean
  /** It comes back with its resume token. */
  readonly resumes?: {
    /** Before it leaves, so that the server closes the old connection. */
    readonly early: boolean
    /** The share of its attempts whose answer it loses, with its network. */
    readonly loses: number
  }
  /** It names its instance, its own or the one that all copies of its org have. */
  readonly instance?: 'own' | 'copied'
  /** It never reads again once it is connected, and goes on talking. */
  readonly readsNothing?: boolean
}

const FOR_EVER = Number.POSITIVE_INFINITY

/** As `habits` says, but of those that keep no token half name their instance, and half of these lose their network. */
export function habitsWithInstances(dice: Dice): Habit {
  const [habit, roll] = [habits(dice), dice.roll()]
  if (habit.resumes || roll > 0.5) return habit
  if (roll < 0.25) {
    const name = 'losing its network, with a name'
    return { name, meanLifeMs: 8_000, leave: 'silence', patienceMs: FOR_EVER, instance: 'own' }
  }
  return { ...habit, instance: roll < 0.4 ? 'own' : 'copied' }
}

/** Eight of ten obey. Of those some look after their connection and some, as many gateways, never do. */
export function habits(dice: Dice): Habit {
  const roll = dice.roll()
  const patienceMs = dice.oneOf([6_000, 12_000, FOR_EVER, FOR_EVER])
  if (roll < 0.08) {
    return { name: 'handing over', meanLifeMs: 5_000, leave: 'close', patienceMs, resumes: { early: true, loses: 0 } }
  }
  if (roll < 0.14) {
    const resumes = { early: false, loses: 0.2 }
    return { name: 'resuming', meanLifeMs: 20_000, leave: 'reset', patienceMs, resumes }
  }
  if (roll < 0.22) {
    const resumes = { early: false, loses: 0.4 }
    return { name: 'losing its network', meanLifeMs: 8_000, leave: 'silence', patienceMs: FOR_EVER, resumes }
  }
  if (roll < 0.55) return { name: 'obeying', meanLifeMs: 10_000, leave: 'close', patienceMs }
  if (roll < 0.8) return { name: 'long-lived', meanLifeMs: 90_000, leave: 'close', patienceMs }
  if (roll < 0.86) return { name: 'breaking off', meanLifeMs: 8_000, leave: 'reset', patienceMs }
  if (roll < 0.9) return { name: 'falling silent', meanLifeMs: 8_000, leave: 'silence', patienceMs: FOR_EVER }
  if (roll < 0.93) {
    return { name: 'never reading', meanLifeMs: 20_000, leave: 'reset', patienceMs: FOR_EVER, readsNothing: true }
  }
  if (roll < 0.97) {
    return { name: 'resetting', meanLifeMs: 1_000, leave: 'reset', patienceMs: FOR_EVER, resets: true }
  }
  return { name: 'hammering', meanLifeMs: 5_000, leave: 'reset', patienceMs: FOR_EVER, hammersEveryMs: 60 }
}
