import { expect, test } from 'vitest'
import { orgsApp } from '../../src/admin/routes/orgs.js'
import type { OrgStats } from '../../src/limiter/cluster-stats.js'
import type { Limiter } from '../../src/limiter/limiter.js'

test('the fullest orgs are looked for once for all who ask meanwhile, and anew for who asks later; a failure is not kept', async () => {
  const all = ['half', 'full', 'idle'].map(
    (orgId, n): OrgStats => ({ orgId, currentCount: (n + 1) % 3, maxAllowed: 2 }),
  )
  const settle: ((failure?: Error) => void)[] = []
  const orgs = () =>
    new Promise((resolve, reject) => {
      settle.push((failure) => (failure ? reject(failure) : resolve({ orgs: all, cursor: '0' })))
    })
  const app = orgsApp({ stats: { orgs } } as unknown as Limiter).onError((error, context) =>
    context.text(error.message, 500),
  )
  const ask = async (most: number) => {
    const response = await app.request(`/orgs?sort=utilisation&limit=${most}`)
    const text = await response.text()
    return response.ok ? JSON.parse(text).orgs.map(({ orgId }: OrgStats) => orgId) : text
  }
  const together = Promise.all([ask(1), ask(2), ask(1_000)])
  expect(settle).toHaveLength(1)
  settle[0]!()
  expect(await together).toEqual([['full'], ['full', 'half'], ['full', 'half', 'idle']])
  const failing = Promise.all([ask(1), ask(2)])
  settle[1]!(new Error('broken'))
  expect(await failing).toEqual(['broken', 'broken'])
  const later = ask(1)
  settle[2]!()
  expect(await later).toEqual(['full'])
  expect(settle).toHaveLength(3)
})
