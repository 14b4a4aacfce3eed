import { describe, expect, test } from 'vitest'
import { NODE_COMMANDS } from '../../src/store/redis/rights.js'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { documentedRights } from '../support/redis-rights.js'
import { sources } from './sources.js'

/** What a client does that is no command of Redis; `call` names one. */
const OWN = ['on', 'once', 'connect', 'disconnect', 'call', 'then', 'script']
/** Looks for operators, under rights of their own. */
const EXAMINER = 'src/store/redis/examiner.ts'

function commandsIn(script: string): string[] {
  return [...script.matchAll(/redis\.p?call\('([A-Z]+)'/g)].map((found) => found[1]!.toLowerCase())
}

function commandsOfClient(): string[] {
  const texts = sources().filter(({ path }) => path.startsWith('src/store/redis/') && path !== EXAMINER)
  const called = texts.flatMap(({ uncommented }) => [
    ...uncommented.matchAll(/\bredis\.([a-z]+)\(/g),
    // In capitals it is one of the sentinels'.
    ...uncommented.matchAll(/\bredis\.call\('([a-z]+)'/g),
  ])
  return called.map((found) => found[1]!).filter((name) => !OWN.includes(name))
}

describe('the user of docs/redis.md', () => {
  const rights = documentedRights()

  test('may use the commands that the script and the client use, and no other', () => {
    const used = new Set([...commandsIn(SCRIPT), ...commandsOfClient()])
    expect(used.size).toBeGreaterThan(20)
    const allowed = rights.filter((right) => right.startsWith('+')).map((right) => right.slice(1))
    expect(allowed).toEqual([...used].sort())
  })

  test('is examined for the same commands', () => {
    expect(rights.filter((right) => right.startsWith('+'))).toEqual(
      Object.keys(NODE_COMMANDS('k')).map((name) => `+${name}`),
    )
  })

  test('may touch our keys and nothing else', () => {
    expect(rights.filter((right) => !right.startsWith('+'))).toEqual(['~hc:1:*'])
  })

  test('control: the script says every command by a literal name', () => {
    expect(SCRIPT.match(/redis\.p?call\(/g)).toHaveLength(commandsIn(SCRIPT).length)
  })
})
