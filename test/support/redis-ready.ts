import { connect } from 'node:net'
import { until } from './until.js'

/**
 * Waits until a Redis answers PING (or asks for a password), for at most `withinMs`. `died` returns what a server that
 * has ended wrote last, so that the wait ends with the reason.
 */
export async function untilRedisAnswers(
  at: { host: string; port: number },
  died: () => string | undefined,
  withinMs = 20_000,
): Promise<void> {
  let death: string | undefined
  await until(
    async () => {
      death = died()
      return death !== undefined || (await answersPing(at))
    },
    { withinMs, what: `Redis answers at ${at.host}:${at.port}` },
  )
  if (death !== undefined) throw new Error(`Redis ended before it was ready at ${at.host}:${at.port}:\n${death}`)
}

function answersPing({ host, port }: { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const finish = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.setTimeout(1_000, () => finish(false))
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (reply) => finish(/^(\+PONG|-NOAUTH)/.test(reply.toString('latin1'))))
  })
}
