import { expect, test } from 'vitest'
import { adminApp } from '../../src/admin/app.js'
import { titles } from '../../src/admin/problem.js'
import { answers } from '../../src/admin/schemas.js'
import { systemClock } from '../../src/core/clock.js'
import { checkOrg } from '../../src/core/org-id.js'
import { StoreUnavailable } from '../../src/store/lease-store.js'

const node = { connections: 0, leaseExpiresInMs: 1_000 }

const limiter = {
  orgLimits: async (org: string) => {
    checkOrg(org)
    throw new StoreUnavailable('no answer within 250 ms')
  },
  evict: async () => ({ ordered: 0, leaving: 0, truncated: false }),
  stats: { nodes: async () => ['n1', 'twin', 'twin'].map((name, i) => ({ ...node, name, lease: 41 + i })) },
  drainNode: async () => 'gone',
}

const app = adminApp({
  ...{ limiter, view: { watch: () => undefined }, log: { info() {}, error() {} } },
  guard: {
    ...{ tokens: { admin: 'a', read: 'r' }, addressOf: () => undefined, onWrongToken() {} },
    wrongTokens: { exhaustedMs: async () => undefined, nth: async () => ({ nth: 1, isLast: false }) },
  },
  ...{ turnedAway: { async add() {} }, refusals: {}, metrics: {}, clock: systemClock, nodeName: 'n', version: '0' },
} as never)

async function refusal(request: string, token = 'a') {
  const [method = '', path = '', body] = request.split(' ')
  const init = { method, headers: { authorization: `Bearer ${token}` }, ...(body && { body }) }
  const answer = await app.request(`/admin/v1/${path}`, init, {})
  return answers.problem.parse(await answer.json())
}

const LONG = 'x'.repeat(257)

test.each([
  ['GET nothing', 404, 'NOT_FOUND', undefined],
  ['DELETE connections/a-1', 404, 'CONNECTION_NOT_FOUND', undefined],
  ['POST nodes/n1/drain', 404, 'NODE_NOT_FOUND', undefined],
  ['GET events', 503, 'TOO_MANY_VIEWERS', undefined],
  ['POST nodes/twin/drain', 409, 'AMBIGUOUS_NODE', 'several nodes have this name: say one of the leases 42, 43'],
  ['GET orgs?limit=0', 400, 'INVALID_QUERY', 'limit must be 1 or more'],
  ['GET orgs?sort=x', 400, 'INVALID_QUERY', 'sort takes utilisation and nothing else'],
  ['GET refusals?cursor=x', 400, 'INVALID_CURSOR', 'the cursor must be one that an earlier page gave'],
  ['GET refusals?org=', 400, 'INVALID_ORG', 'the org id must not be empty'],
  [`GET orgs/${LONG}`, 400, 'INVALID_ORG', 'the org id must have at most 256 characters, it has 257'],
  [`PUT orgs/${LONG}/limit {"limit":1}`, 400, 'INVALID_ORG', 'the org id must have at most 256 characters, it has 257'],
  ['GET orgs/%ff', 400, 'INVALID_ORG', 'the org id in the path is not percent-encoded UTF-8'],
  ['GET orgs/100%/connections', 400, 'INVALID_ORG', 'the org id in the path is not percent-encoded UTF-8'],
  ['DELETE orgs/%C3/connections', 400, 'INVALID_ORG', 'the org id in the path is not percent-encoded UTF-8'],
  ['GET orgs/%25ff', 503, 'STORE_UNAVAILABLE', 'the store did not answer: no answer within 250 ms'],
  ['GET refusals?org=%ff', 400, 'INVALID_QUERY', 'what follows the "?" is not percent-encoded UTF-8'],
  ['PUT orgs/acme/limit {"limit":-1}', 400, 'INVALID_LIMIT', '"limit" must be a whole number from 0, or "unlimited"'],
  ['GET orgs/acme', 503, 'STORE_UNAVAILABLE', 'the store did not answer: no answer within 250 ms'],
])('%s: %i %s, by the title of all such, and what was wrong in the detail', async (request, status, code, detail) => {
  expect(await refusal(request)).toEqual({
    ...{ type: `urn:headcount:error:${code}`, title: titles[code], status, code },
    ...(detail !== undefined && { detail }),
  })
})

test('a token that is wrong, or may only look', async () => {
  expect(await refusal('GET orgs', 'x')).toMatchObject({ status: 401, title: 'The admin token is missing or wrong' })
  const looking = await refusal('DELETE connections/a-1', 'r')
  expect(looking).toMatchObject({ status: 403, title: 'This token may look and not change anything' })
})
