import { createHash } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { printFigures, seconds } from '../support/figures.js'
import { startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { startPlatform } from '../support/platform.js'
import { until } from '../support/until.js'

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')

test('a key that is revoked while the platform is down: nobody is closed or told 401 for that; 4401 and 401 once it is back', async () => {
  const keys = new Set(['good', 'revoked'].map(digestOf))
  const platform = await startPlatform(({ body }) => {
    const { credentialSha256 } = JSON.parse(body) as { credentialSha256: string }
    return keys.has(credentialSha256)
      ? { status: 200, body: { org: 'acme', gateway: credentialSha256 } }
      : { status: 401 }
  })
  const fleet = await startFleet({
    count: 2,
    env: {
      HEADCOUNT_KEYS_FILE: '',
      HEADCOUNT_AUTH_CALLBACK_URL: platform.url,
      HEADCOUNT_AUTH_CALLBACK_TTL: '0s',
      HEADCOUNT_AUTH_CALLBACK_RECHECK: '1s',
      WS_MAX_CONNECTIONS_PER_ORG: '100',
      HEADCOUNT_LOG_LEVEL: 'debug',
    },
  })
  onTestFinished(() => fleet.stop())
  const come = (key: string, node: number) => connectGateway(fleet.urls[node]!, { key })
  const open = async (key: string) => {
    const results = await Promise.all([0, 1].map((node) => come(key, node)))
    for (const result of results) if (!result.accepted) throw new Error(`refused with ${result.status}`)
    return results as Accepted[]
  }
  const revoked = await open('revoked')
  const good = await open('good')
  expect(await come('nobody', 0)).toMatchObject({ status: 401 })

  await platform.goAway()
  keys.delete(digestOf('revoked'))
  // Whoever was known goes on meanwhile, the revoked key too, because nobody can tell. A stranger may be somebody.
  revoked.push(...(await open('revoked')))
  expect(await come('stranger', 1)).toMatchObject({ status: 503, body: { code: 'IDENTITY_UNAVAILABLE' } })
  // Rounds fail until the platform is left alone.
  await until(() => fleet.nodes.every((node) => node.output().includes('the platform does not say who may connect')), {
    ...{ withinMs: 20_000, what: 'both nodes have noticed' },
  })
  expect(revoked.map(({ ws }) => ws.readyState)).toEqual([1, 1, 1, 1])

  await platform.comeBack()
  const backAtMs = performance.now()
  const closed = await Promise.all(revoked.map((one) => one.closed))
  printFigures('A key revoked while the platform is down, two nodes, rounds 1 s apart', {
    'its four connections closed, after the platform was back': seconds(performance.now() - backAtMs),
  })
  expect(closed.map(({ code }) => code)).toEqual([4401, 4401, 4401, 4401])
  await until(
    async () => (await come('revoked', 0)).accepted === false && (await come('revoked', 1)).accepted === false,
  )
  expect(await come('revoked', 0)).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } })
  expect(good.map(({ ws }) => ws.readyState)).toEqual([1, 1])
  await until(async () => (await fleet.books.count('acme')) === 2, { what: 'the slots are given back (L1)' })
  for (const one of good) one.terminate()
  for (const node of fleet.nodes) expect(node.output()).not.toMatch(/"(revoked|good)"/)
}, 90_000)
