import { expect, onTestFinished, test } from 'vitest'
import { printFigures, spread } from '../support/figures.js'
import { type FleetOptions, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway, type GatewayResult } from '../support/gateways.js'
import { AUDIENCE, ISSUER, startTokenIssuer, type TokenIssuer } from '../support/token-issuer.js'
import { until } from '../support/until.js'

/** Two nodes on one Redis; clients come to one and the other in turn. */
async function startNodes(issuer: TokenIssuer, env: FleetOptions['env'] = {}) {
  const fleet = await startFleet({
    count: 2,
    env: {
      HEADCOUNT_KEYS_FILE: '',
      HEADCOUNT_JWKS_URL: issuer.url,
      HEADCOUNT_JWT_ISSUER: ISSUER,
      HEADCOUNT_JWT_AUDIENCE: AUDIENCE,
      HEADCOUNT_JWKS_COOLDOWN: '1s',
      HEADCOUNT_LOG_LEVEL: 'debug',
      WS_MAX_CONNECTIONS_PER_ORG: '10000',
      ...env,
    },
  })
  onTestFinished(() => fleet.stop())
  let turn = 0
  const come = (token: string) =>
    connectGateway(fleet.urls[turn++ % 2]!, { headers: { authorization: `Bearer ${token}` } })
  return { fleet, come }
}

test('keys that rotate in a storm: nobody with a good token is refused for good, and the keys are fetched rarely', async () => {
  const issuer = await startTokenIssuer()
  const { fleet, come } = await startNodes(issuer)
  const open: Accepted[] = []
  onTestFinished(() => {
    for (const one of open) one.terminate()
  })
  const refusals: GatewayResult[] = []
  const waitsMs: number[] = []
  let kid = 'key-1'
  let storming = true
  const client = async () => {
    while (storming) {
      const token = await issuer.token({ kid })
      const sinceMs = performance.now()
      // As clients do: the same token until it is let in.
      for (let result = await come(token); ; result = await come(token)) {
        if (result.accepted) {
          open.push(result)
          waitsMs.push(performance.now() - sinceMs)
          break
        }
        refusals.push(result)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  }
  const startedMs = performance.now()
  const storm = Promise.all(Array.from({ length: 4 }, client))
  for (let rotation = 1; rotation <= 3; rotation++) {
    const before = open.length
    await until(() => open.length > before + 20, { withinMs: 15_000, what: 'twenty more are in' })
    kid = await issuer.newKey()
    await until(() => issuer.asked.length >= 2 * (rotation + 1), { withinMs: 10_000, what: 'both fetch the new key' })
  }
  storming = false
  await storm
  const seconds = (performance.now() - startedMs) / 1_000
  printFigures('Keys that rotate three times in a storm of four clients on two nodes, fetched once a second at most', {
    'from the first attempt with a token to its admission, median / p99 / max': spread(waitsMs),
    'attempts refused with 503 meanwhile': refusals.length,
    'fetches of the key set, by both nodes': issuer.asked.length,
  })
  expect(refusals.map((one) => !one.accepted && one.status).filter((status) => status !== 503)).toEqual([])
  for (const one of refusals) expect(one).toMatchObject({ body: { code: 'IDENTITY_UNAVAILABLE' } })
  expect(issuer.asked.length).toBeLessThanOrEqual(2 * (2 + seconds))
  for (const part of (await issuer.token()).split('.')) {
    for (const node of fleet.nodes) expect(node.output()).not.toContain(part.slice(0, 40))
  }
}, 60_000)

test('while the key set is away known keys go on, unknown ones are 503 with Retry-After, and all is well once it is back', async () => {
  const issuer = await startTokenIssuer()
  const { come } = await startNodes(issuer)
  const unknown = await issuer.token({ kid: await issuer.newKey() })
  await issuer.goAway()
  const first = await come(await issuer.token({ kid: 'key-1' }))
  if (!first.accepted) throw new Error('a known key must go on')
  onTestFinished(() => first.terminate())
  const refused = await come(unknown)
  expect(refused).toMatchObject({ status: 503, body: { code: 'IDENTITY_UNAVAILABLE' } })
  expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  await issuer.comeBack()
  const last = await until(
    async () => {
      const result = await come(unknown)
      return result.accepted && result
    },
    { withinMs: 15_000, what: 'the key is fetched' },
  )
  last.terminate()
  const foreign = await issuer.token({ issuer: 'https://other.example' })
  // The other node may have to fetch the key first.
  const judged = await until(async () => {
    const result = await come(foreign)
    return !result.accepted && result.status !== 503 && result
  })
  expect(judged).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED', detail: 'the token is not valid' } })
}, 60_000)

test('a key that is replaced under its name: a token of the new one may be told 503, never 401, and is let in', async () => {
  const issuer = await startTokenIssuer()
  const { come } = await startNodes(issuer)
  const before = await come(await issuer.token())
  if (!before.accepted) throw new Error('the known key must be good')
  await issuer.replaceKey('key-1')
  const token = await issuer.token()
  const refusals: GatewayResult[] = []
  const after = await until(
    async () => {
      const result = await come(token)
      if (!result.accepted) refusals.push(result)
      return result.accepted && result
    },
    { withinMs: 15_000, what: 'the new key is fetched' },
  )
  expect(refusals.filter((one) => !one.accepted && one.status !== 503)).toEqual([])
  before.terminate()
  after.terminate()
}, 60_000)

test('under HEADCOUNT_JWT_AT_EXPIRY=close a connection is closed with 4401 when its token has expired', async () => {
  const issuer = await startTokenIssuer()
  const { come } = await startNodes(issuer, { HEADCOUNT_JWT_AT_EXPIRY: 'close', HEADCOUNT_JWT_CLOCK_SKEW: '0s' })
  const brief = await come(await issuer.token({ expiresInS: 5 }))
  const long = await come(await issuer.token({ expiresInS: 600 }))
  if (!brief.accepted || !long.accepted) throw new Error('both tokens must be good')
  expect(await brief.closed).toMatchObject({ code: 4401 })
  expect(long.ws.readyState).toBe(long.ws.OPEN)
  long.terminate()
}, 60_000)
