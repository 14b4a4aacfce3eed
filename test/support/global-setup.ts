import type { TestProject } from 'vitest/node'
import { forgetDeadPorts } from './ports.js'
import { removeContainersOfRun, runId } from './redis-container.js'
import { describeLauncher, findLauncher, launch } from './redis-launcher.js'
import { untilRedisAnswers } from './redis-ready.js'

/** Gives all tests one real Redis, says which, and ends it after them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  runId()
  forgetDeadPorts()
  const given = process.env.TEST_REDIS_URL
  if (given) {
    const url = new URL(given)
    await untilRedisAnswers({ host: url.hostname, port: Number(url.port || 6379) }, () => undefined)
    console.log(`redis for tests: TEST_REDIS_URL, at ${url.host}`)
    project.provide('redisUrl', given)
    project.provide('redisLauncher', null)
    return async () => {}
  }
  const launcher = await findLauncher()
  const redis = await launch(launcher)
  console.log(`redis for tests: ${describeLauncher(launcher)}, at ${redis.host}:${redis.port}`)
  project.provide('redisUrl', redis.url)
  project.provide('redisLauncher', launcher)
  return async () => {
    await redis.stop()
    if (launcher.kind === 'containers') await removeContainersOfRun()
  }
}
