// A node without sockets: to Redis its connections are like any other's. It holds some, or comes and goes at a pace and
// notes how long each admission took.
import { setTimeout as sleep } from 'node:timers/promises'
import { createLimiter } from '../dist/index.js'
import { answerParent, settingsOfChild } from './child.mjs'

const TICK_MS = 1
const ASK_AGAIN_MS = 25
const AT_ONCE = 500

const { url, prefix, limit, timing } = settingsOfChild()
const limiter = createLimiter({ redis: url, keyPrefix: prefix, limits: { org: limit }, ...timing })
const ready = limiter.ready()
const nowMs = () => performance.timeOrigin + performance.now()
let looks = []
let ticker
let turn = 0

async function comeAndGo(org) {
  const askedAtMs = nowMs()
  const admission = await limiter.admit({ org })
  looks.push([askedAtMs, nowMs() - askedAtMs, admission.admitted ? 'ADMITTED' : admission.code])
  if (admission.admitted) admission.release()
}

answerParent({
  ready: () => ready,
  /** Fills these orgs, and keeps them full. Resolves to the number of connections. */
  async hold({ orgs }) {
    const wanted = orgs.flatMap((org) => Array.from({ length: limit }, () => org))
    for (let i = 0; i < wanted.length; i += AT_ONCE) {
      const admissions = await Promise.all(wanted.slice(i, i + AT_ONCE).map((org) => limiter.admit({ org })))
      if (admissions.some(({ admitted }) => !admitted)) throw new Error('an org was full too early')
    }
    return wanted.length
  },
  /** From here on so many admissions a second, each given back at once. */
  start({ orgs, perSecond }) {
    let dueMs = nowMs()
    ticker = setInterval(() => {
      for (; dueMs <= nowMs(); dueMs += 1_000 / perSecond) void comeAndGo(orgs[turn++ % orgs.length])
    }, TICK_MS)
  },
  /** Resolves to the moment at which an admission of this org was possible. */
  async untilFree({ org }) {
    for (;;) {
      const admission = await limiter.admit({ org })
      if (admission.admitted) {
        admission.release()
        return nowMs()
      }
      await sleep(ASK_AGAIN_MS)
    }
  },
  /** Resolves to all admissions since `start`: when each was asked for, how long it took, and its answer. */
  stop() {
    clearInterval(ticker)
    const all = looks
    looks = []
    return all
  },
})
