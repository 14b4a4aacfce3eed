import { memoryBench, redisBench } from '../support/store-bench.js'
import { contractSuite } from './suite.js'

contractSuite('RedisStore', redisBench)
contractSuite('MemoryStore', async (options) => memoryBench(options))
