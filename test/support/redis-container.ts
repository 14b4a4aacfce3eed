import { freePort } from './ports.js'
import type { RedisOptions, TestRedis } from './redis-launcher.js'
import { untilRedisAnswers } from './redis-ready.js'

/** Containers carry the id of the run, so that its end can remove those that a killed test process left behind. */
const RUN_LABEL = 'io.headcount.test-run'

/** What answers as a container engine, in words; `undefined` when nothing does. */
export async function containerEngine(): Promise<string | undefined> {
  // Loaded only where needed: testcontainers takes longer to load than a Redis to start.
  const { getContainerRuntimeClient } = await import('testcontainers')
  try {
    const { info } = await getContainerRuntimeClient()
    return `${info.containerRuntime.operatingSystem}, engine ${info.containerRuntime.serverVersion}`
  } catch {
    return undefined
  }
}

/** Runs a Redis in a container, on a port of the host that stays the same over a restart. */
export async function launchContainer(image: string, { args = [], port: wanted }: RedisOptions): Promise<TestRedis> {
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers')
  const port = wanted ?? (await freePort())
  const started = await new GenericContainer(image)
    .withExposedPorts({ container: 6379, host: port })
    .withLabels({ [RUN_LABEL]: runId() })
    .withCommand(['redis-server', '--save', '', '--appendonly', 'no', '--protected-mode', 'no', ...args])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .withStartupTimeout(60_000)
    .start()
  const host = started.getHost() === 'localhost' ? '127.0.0.1' : started.getHost()
  const ready = () => untilRedisAnswers({ host, port }, () => undefined)
  const container = (await getContainerRuntimeClient()).container.getById(started.getId())
  const isRunning = async () => (await container.inspect()).State.Running
  const resume = async () => {
    if ((await container.inspect()).State.Paused) await container.unpause()
  }
  let stopped = false
  await ready()
  return {
    url: `redis://${host}:${port}`,
    host,
    port,
    pause: async () => void (await container.pause()),
    resume,
    kill: async () => {
      await resume()
      if (!(await isRunning())) return
      await container.kill()
      await container.wait()
    },
    async restart() {
      await resume()
      if (await isRunning()) await container.stop({ t: 10 })
      await container.start()
      await ready()
    },
    async stop() {
      if (stopped) return
      stopped = true
      await container.remove({ force: true, v: true })
    },
  }
}

/** Removes every container that this run started and did not stop. */
export async function removeContainersOfRun(): Promise<void> {
  const { getContainerRuntimeClient } = await import('testcontainers')
  const { dockerode } = (await getContainerRuntimeClient()).container
  const left = await dockerode.listContainers({ all: true, filters: { label: [`${RUN_LABEL}=${runId()}`] } })
  await Promise.all(left.map(({ Id }) => dockerode.getContainer(Id).remove({ force: true, v: true })))
}

/** The id of this run: made by its first process and inherited by the others through their environment. */
export function runId(): string {
  process.env.TEST_RUN_ID ??= `${process.pid}-${Date.now()}`
  return process.env.TEST_RUN_ID
}
