// A node whose connections are limited by one of the contenders. What it was granted it keeps until it dies.
import { Redis } from 'ioredis'
import { answerParent, settingsOfChild } from './child.mjs'
import { CONTENDERS } from './contenders.mjs'

const { name, url, prefix, ttlMs, beatMs, aheadMs } = settingsOfChild()
if (aheadMs) {
  const now = Date.now
  Date.now = () => now() + aheadMs
}
const lost = new Map()
const plain = new Redis(url)
const wiring = {
  plain,
  pipelined: plain,
  url,
  prefix,
  ttlMs,
  beatMs,
  lost: (org) => lost.set(org, (lost.get(org) ?? 0) + 1),
}
const ready = CONTENDERS[name](wiring)

answerParent({
  ready: () => ready.then(() => true),
  /** So many attempts at once. Resolves to how many were granted, and how many were neither granted nor refused. */
  async storm({ org, limit, attempts }) {
    const take = await ready
    const answers = await Promise.all(Array.from({ length: attempts }, () => take(org, limit)))
    const count = (sought) => answers.filter((answer) => answer === sought).length
    return { granted: count(true), waiting: count(undefined) }
  },
  /** How many of an org were told that what they hold is not theirs any more. */
  lost: ({ org }) => lost.get(org) ?? 0,
})
