import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { connectGateway, GATEWAY_PATH, stormConnect } from './gateways.js'
import { leakGate } from './leak-gate.js'
import { type OwnedProcess, spawnOwned } from './owned-process.js'
import { freePort } from './ports.js'
import { spawnNode } from './processes.js'
import { sharedRedisUrl } from './redis.js'
import { until } from './until.js'

leakGate()

describe('until', () => {
  test('returns the first truthy value', async () => {
    let calls = 0
    expect(await until(() => ++calls >= 3 && 'done')).toBe('done')
  })

  test('says what it waited for and what it saw last', async () => {
    const waiting = until(() => 0, { withinMs: 30, what: 'the moon is full' })
    await expect(waiting).rejects.toThrow('still not true after 30 ms: the moon is full (last value 0)')
  })

  test('takes an exception as not yet', async () => {
    const waiting = until(() => Promise.reject(new Error('no route')), { withinMs: 30 })
    await expect(waiting).rejects.toThrow('no route')
  })

  test('does not wait for a condition that never answers', async () => {
    const waiting = until(() => new Promise<boolean>(() => {}), { withinMs: 30, what: 'an answer' })
    await expect(waiting).rejects.toThrow('the condition has not answered yet')
  })
})

describe('ports', () => {
  test('a free port is given once', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, freePort))
    expect(new Set(ports).size).toBe(50)
  })
})

describe('owned processes', () => {
  test('collects output and the way it ended', async () => {
    const child = await spawnOwned('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3'])
    expect(await child.exited).toEqual({ code: 3, signal: null })
    expect(child.stdout()).toBe('out\n')
    expect(child.output()).toContain('err\n')
    expect(child.running()).toBe(false)
  })

  test('rejects when there is no such command', async () => {
    await expect(spawnOwned('/no/such/command', [])).rejects.toThrow('ENOENT')
  })

  test('a child does not outlive its parent, even one killed with SIGKILL', async () => {
    const run = await runFixture('orphan.fixture.ts')
    const pids = await until(() => /worker (\d+) child (\d+)/.exec(run.output()), {
      withinMs: 20_000,
      what: 'a test process has started a child',
    })
    const [worker, child] = [Number(pids[1]), Number(pids[2])]
    expect([isAlive(worker), isAlive(child)]).toEqual([true, true])
    process.kill(worker, 'SIGKILL')
    await until(() => !isAlive(child), { what: 'the child of the killed process is gone' })
    await run.kill()
  })
})

describe('the leak gate', () => {
  test('fails a test for what it leaves behind, and only for that', async () => {
    const run = await runFixture('leaks.fixture.ts', '--reporter=json')
    await run.exited
    const report = JSON.parse(run.stdout().slice(run.stdout().indexOf('{'))) as JsonReport
    const found = report.testResults[0]!.assertionResults.map(({ title, status, failureMessages }) => [
      title,
      status,
      /left behind.*\n *(.*)/.exec(failureMessages.join())?.[1] ?? '',
    ])
    expect(found).toEqual([
      ['clean', 'passed', ''],
      ['server', 'failed', '1 × TCPServerWrap'],
      ['timer', 'failed', expect.stringContaining('leaks.fixture.ts')],
      ['child', 'failed', '1 × ProcessWrap'],
      ['slot', 'failed', '{0}:org:acme'],
    ])
  })
})

describe('gateways', () => {
  let closeServer: () => Promise<unknown> = async () => {}
  afterEach(() => closeServer())

  test('an accepted one has its first frame, even if it comes with the 101', async () => {
    const url = await serve()
    const gateway = await connectGateway(url, { key: 'good', instanceId: 'i-1' })
    if (!gateway.accepted) throw new Error(`refused with ${gateway.status}`)
    expect(gateway.ack).toMatchObject({ type: 'connection.ack', connectionId: 'good/i-1' })
    await until(() => gateway.frames.length === 1)
    expect(await gateway.close()).toEqual({ code: 1000, reason: '' })
  })

  test('a refused one has status, headers and parsed body', async () => {
    const refused = await connectGateway(await serve(), { key: 'full' })
    expect(refused).toMatchObject({ accepted: false, status: 429, body: { code: 'FULL' } })
    expect(refused.headers['retry-after']).toBe('3')
  })

  test('no server is no decision', async () => {
    await expect(connectGateway(`ws://127.0.0.1:${await freePort()}`)).rejects.toThrow('ECONNREFUSED')
  })

  test('a storm tells accepted and refused apart', async () => {
    const storm = await stormConnect([await serve()], 20, { key: 'good' })
    expect([storm.accepted.length, storm.refused.length]).toEqual([20, 0])
    await Promise.all(storm.accepted.map((gateway) => gateway.close()))
  })

  async function serve(): Promise<string> {
    const http = createServer()
    const wss = new WebSocketServer({ noServer: true })
    http.on('upgrade', (request, socket, head) => {
      if (request.headers['api-key'] === 'full' || request.url !== GATEWAY_PATH) {
        const body = JSON.stringify({ code: 'FULL' })
        socket.end(`HTTP/1.1 429 Full\r\nRetry-After: 3\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
        return
      }
      wss.handleUpgrade(request, socket, head, (ws) => {
        const connectionId = `${request.headers['api-key']}/${request.headers['instance-id']}`
        ws.send(JSON.stringify({ type: 'connection.ack', connectionId }))
        ws.send('second')
      })
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    closeServer = () => new Promise((resolve) => http.close(resolve))
    return `ws://127.0.0.1:${(http.address() as AddressInfo).port}`
  }
})

interface JsonReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** Runs tests that are meant to fail or to be killed, in a run of their own. */
function runFixture(name: string, ...args: string[]): Promise<OwnedProcess> {
  const config = 'test/support/fixtures/vitest.fixtures.config.ts'
  const all = ['run', '--config', config, ...args, `test/support/fixtures/${name}`]
  return spawnNode('node_modules/vitest/vitest.mjs', all, { FIXTURE_REDIS_URL: sharedRedisUrl() })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
