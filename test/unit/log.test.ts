import { expect, test } from 'vitest'
import { createLog } from '../../src/observe/log.js'

function logInto(lines: string[], level: 'info' | 'silent' = 'info') {
  return createLog({ level, node: 'node-a', destination: { write: (line: string) => void lines.push(line) } })
}

test('a line is JSON with its level as a word, an ISO time, the node and the fields', () => {
  const lines: string[] = []
  logInto(lines).child({ part: 'gate' }).warn({ count: 3 }, 'org is full')
  const line = JSON.parse(lines[0]!)
  expect(line).toMatchObject({ level: 'warn', node: 'node-a', part: 'gate', count: 3, msg: 'org is full' })
  expect(new Date(line.time).toISOString()).toBe(line.time)
})

test('what is less important than the level is not written', () => {
  const lines: string[] = []
  logInto(lines).debug({}, 'detail')
  logInto(lines, 'silent').error({}, 'failure')
  expect(lines).toEqual([])
})

test('a secret that is logged by mistake is struck out', () => {
  const lines: string[] = []
  logInto(lines).info({ key: 'geheim', request: { headers: { 'api-key': 'geheim' }, token: 'geheim' } }, 'mistake')
  expect(lines[0]).not.toContain('geheim')
  expect(lines[0]).toContain('***')
})

test('names that command a terminal, or turn text around, are written so that they do not, and read as they are', () => {
  const lines: string[] = []
  const org = 'a\u009b31m\u202e\u2028\u00ad\u001b]0;\u0007\n\ufeff\u{e0041}ü 🦊'
  logInto(lines)
    .child({ [org]: 1 })
    .info({ org }, org)
  expect(lines[0]).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]*\n$/u)
  expect(lines[0]).toContain('ü 🦊')
  expect(JSON.parse(lines[0]!)).toMatchObject({ org, msg: org, [org]: 1 })
})

test('an error keeps its message', () => {
  const lines: string[] = []
  logInto(lines).error({ err: new TypeError('broken') }, 'unexpected')
  expect(JSON.parse(lines[0]!).err).toMatchObject({ type: 'TypeError', message: 'broken' })
})
