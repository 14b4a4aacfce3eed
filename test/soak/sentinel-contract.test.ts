import { afterAll, beforeAll } from 'vitest'
import { contractSuite } from '../contract/suite.js'
import { type SentinelSet, type SetServer, startSentinelSet } from '../support/sentinel-set.js'
import { redisBench } from '../support/store-bench.js'

let set: SentinelSet
let primary: SetServer

beforeAll(async () => {
  set = await startSentinelSet()
  primary = await set.primary()
})
afterAll(() => set.stop())

contractSuite('RedisStore behind real sentinels', (options) =>
  redisBench({ ...options, url: set.urlOf(primary), storeUrl: async () => set.url }),
)
