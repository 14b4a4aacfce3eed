import { hello } from './hostile-node.js'
import { RawClient } from './raw-client.js'

/** What one hostile client did, for the report of a failed run. */
export type Misdeed = 'reset' | 'fin' | 'half a handshake' | 'bad key' | 'bad version' | 'nothing' | 'garbage' | 'good'

/**
 * One client that does one wrong thing at a random moment, before, during or after its admission, and is gone when
 * this resolves. Those that say nothing at all are reset in the end, since the server gives them ten seconds.
 */
export async function misbehave(port: number, random: () => number): Promise<Misdeed> {
  const misdeed = pick(random)
  const client = new RawClient(port)
  const text = openingOf(misdeed, random)
  if (text !== '') client.send(text)
  await later(random() * 40)
  if (misdeed === 'garbage') client.send(Buffer.alloc(Math.floor(random() * 100_000), 0xff))
  if (misdeed === 'fin' || random() < 0.2) {
    client.fin()
    await later(random() * 30)
  }
  client.reset()
  await client.closed
  return misdeed
}

function pick(random: () => number): Misdeed {
  const all: Misdeed[] = ['reset', 'fin', 'half a handshake', 'bad key', 'bad version', 'nothing', 'garbage', 'good']
  return all[Math.floor(random() * all.length)]!
}

function openingOf(misdeed: Misdeed, random: () => number): string {
  switch (misdeed) {
    case 'nothing':
      return ''
    case 'half a handshake':
      return hello().slice(0, 1 + Math.floor(random() * (hello().length - 4)))
    case 'bad key':
      return hello({ 'Sec-WebSocket-Key': 'bad' })
    case 'bad version':
      return hello({ 'Sec-WebSocket-Version': '12' })
    default:
      return hello()
  }
}

export function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Park and Miller's generator: the same seed makes the same choices (though not the same timing). */
export function seededRandom(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
