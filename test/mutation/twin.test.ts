import { contractSuite } from '../contract/suite.js'
import { memoryBench } from '../support/store-bench.js'

/** The contract over the twin alone: what a mistake in the twin would break. */
contractSuite('MemoryStore', async (options) => memoryBench(options))
