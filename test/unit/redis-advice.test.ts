import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { advised } from '../../src/store/redis/advice.js'
import { RedisQuestions } from '../../src/store/redis/questions.js'

test.each([
  ['certificate has expired', 'renew the certificate'],
  ['Client network socket disconnected before secure TLS connection was established', 'maxclients'],
  ['self-signed certificate', 'whom to trust'],
  ['Unknown RESP type 72 "H". Please report this.', 'no Redis: is the port right?'],
])('of %s is said what to do', (cause, advice) => {
  const said = advised(cause)
  expect(said.startsWith(`${cause} (`)).toBe(true)
  expect(said).toContain(advice)
})

test.each(['Connection is closed.', "Stream isn't writeable and enableOfflineQueue options is false"])(
  'a question says of %s what docs/redis.md has',
  async (message) => {
    const questions = new RedisQuestions(() => Promise.reject(new Error(message)), systemClock)
    await expect(questions.ask((redis) => redis.time())).rejects.toThrow('the connection to the store closed')
    questions.close()
  },
)
