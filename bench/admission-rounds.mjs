import { attempts } from './population.mjs'

/** In this order a round leaves everything as it was. */
const OPERATIONS = ['acquire', 'release', 'refuse']

/**
 * What admissions cost: every system does the same work in every round, one after the other and in changing order
 * (A B C, B C A, …), so that whatever slows the machine for a while slows all of them.
 * Resolves to samples: `samples.get('headcount acquire 50')` is a list of measurements, one a round.
 */
export async function admissionRounds({ systems, meter, scale, beforeEach }) {
  const samples = new Map()
  for (let round = -1; round < scale.rounds; round++) {
    for (const size of [1, scale.batchSize]) {
      const count = size === 1 ? scale.singles : scale.batched
      for (const operation of OPERATIONS) {
        for (const system of turned(systems, round + 1)) {
          const command = system.commands[operation]
          if (!command) continue
          const shape = { ...scale, orgs: system.orgs ?? scale.orgs }
          const calls = attempts(shape, { start: (round + 1) * 997, turn: system.turn ?? 0, count, size })
          await system.before?.(operation, calls)
          await beforeEach()
          const inFlight = size === 1 ? scale.inFlight : 1
          const sample = await meter.measure(command, count, () => ask(system, operation, calls, inFlight))
          await system.after?.(operation, calls)
          if (round >= 0) add(samples, `${system.name} ${operation} ${size}`, sample)
        }
      }
    }
  }
  return samples
}

/** Every call of the list, `inFlight` at a time. Throws when a decision is not the one expected: then it measured nothing. */
export async function ask(system, operation, calls, inFlight) {
  const expected = operation !== 'refuse'
  let next = 0
  const worker = async () => {
    while (next < calls.length) {
      const call = calls[next++]
      const answers = await system[operation](call)
      if (answers.length !== call.length || answers.some((answer) => answer !== expected)) {
        throw new Error(`${system.name}: a wrong answer to ${operation}`)
      }
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}

export function turned(list, by) {
  const from = by % list.length
  return [...list.slice(from), ...list.slice(0, from)]
}

export function add(samples, name, sample) {
  samples.set(name, [...(samples.get(name) ?? []), sample])
}
