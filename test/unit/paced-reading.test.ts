import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import type { Clock } from '../../src/core/clock.js'
import { PacedReading } from '../../src/gate/paced-reading.js'
import { ManualClock } from '../support/manual-clock.js'

const PIECE = 4_096

/** Its turns come when the test says, and each piece that is heard takes 0.25 ms. */
class TurningClock extends ManualClock {
  readonly #tasks: (() => void)[] = []

  override soon(task: () => void): void {
    this.#tasks.push(task)
  }

  /** Whether there was anything to do. */
  turn(): boolean {
    const tasks = this.#tasks.splice(0)
    for (const task of tasks) task()
    return tasks.length > 0
  }
}

function socketOf(pace: PacedReading, heard: (piece: Buffer) => void): Duplex {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  pace.pace(socket)
  socket.on('data', heard)
  return socket
}

/** A stream begins to flow, and goes on, in the next tick. */
const tick = () => new Promise((resolve) => setImmediate(resolve))

function stage(): { clock: TurningClock; pace: PacedReading; heard: string[]; open: (name: string) => Duplex } {
  const clock = new TurningClock()
  const pace = new PacedReading(clock as Clock)
  const heard: string[] = []
  const open = (name: string) =>
    socketOf(pace, (piece) => {
      heard.push(`${name}${piece.length}`)
      clock.freeze(0.25)
    })
  return { clock, pace, heard, open }
}

test('what is small is handed on at once, also while others wait for their turns', async () => {
  const { clock, heard, open } = stage()
  const [large, small] = [open('large'), open('small')]
  await tick()
  large.push(Buffer.alloc(3 * PIECE))
  small.push(Buffer.alloc(10))
  expect(heard).toEqual(['small10'])
  expect([large.isPaused(), small.isPaused()]).toEqual([true, false])
  clock.turn()
  expect(heard).toEqual(['small10', ...Array(3).fill(`large${PIECE}`)])
  expect(large.isPaused()).toBe(false)
})

test('a turn is 1 ms long, and the sockets share it piece by piece', async () => {
  const { clock, heard, open } = stage()
  const [a, b] = [open('a'), open('b')]
  await tick()
  a.push(Buffer.alloc(20 * PIECE))
  b.push(Buffer.alloc(2 * PIECE + 1))
  clock.turn()
  expect(heard).toEqual([`a${PIECE}`, `b${PIECE}`, `a${PIECE}`, `b${PIECE}`])
  clock.turn()
  expect(heard.slice(4)).toEqual([`a${PIECE}`, 'b1', `a${PIECE}`, `a${PIECE}`])
  expect([a.isPaused(), b.isPaused()]).toEqual([true, false])
})

test('every byte is handed on once and in order, also what comes while it is paused, and then its end', async () => {
  const { clock, pace } = stage()
  const got: Buffer[] = []
  const socket = socketOf(pace, (piece) => got.push(piece))
  let isOver = false
  socket.on('end', () => {
    isOver = true
  })
  await tick()
  const sent = Buffer.from(Array.from({ length: 5 * PIECE }, (_, i) => i % 251))
  socket.push(sent.subarray(0, 2 * PIECE))
  socket.push(sent.subarray(2 * PIECE, 3 * PIECE))
  socket.resume()
  await tick()
  socket.push(sent.subarray(3 * PIECE))
  socket.push(null)
  await tick()
  expect({ pieces: got.length, isOver }).toEqual({ pieces: 0, isOver: false })
  while (clock.turn()) await tick()
  expect(Buffer.concat(got).equals(sent)).toBe(true)
  expect(isOver).toBe(true)
})

test('of a socket that was destroyed nothing more is handed on, and others have their turns', async () => {
  const { clock, heard, open } = stage()
  const [gone, other] = [open('gone'), open('other')]
  await tick()
  gone.push(Buffer.alloc(9 * PIECE))
  other.push(Buffer.alloc(2 * PIECE))
  gone.destroy()
  while (clock.turn()) await tick()
  expect(heard).toEqual(Array(2).fill(`other${PIECE}`))
})

test('a listener that throws loses neither the rest of its socket nor the turns of others', async () => {
  const { clock, pace, heard, open } = stage()
  let isFirst = true
  const faulty = socketOf(pace, () => {
    if (!isFirst) return heard.push('rest')
    isFirst = false
    throw new Error('a bug')
  })
  const other = open('other')
  await tick()
  faulty.push(Buffer.alloc(PIECE + 1))
  other.push(Buffer.alloc(PIECE + 1))
  expect(() => clock.turn()).toThrow('a bug')
  clock.turn()
  expect(heard).toEqual([`other${PIECE}`, 'rest', 'other1'])
})
