import { afterEach, describe, expect, test } from 'vitest'
import { leakGate } from './leak-gate.js'
import { type ServerProcess, startServer } from './processes.js'

leakGate()

const script = 'test/support/fixtures/server.mjs'
let server: ServerProcess | undefined

afterEach(async () => {
  await server?.stop()
})

describe('a server of the tests', () => {
  test('is ready when it says so, on ports of its own, and answers with its token', async () => {
    server = await startServer({ script })
    expect(server.port).not.toBe(server.adminPort)
    expect(server.output()).toBe('listening\n')
    expect(await server.admin('/admin/v1/orgs')).toMatchObject({ url: '/admin/v1/orgs' })
  })

  test('sees no settings of the machine it runs on', async () => {
    process.env.SECRET_OF_THE_MACHINE = 'x'
    server = await startServer({ script })
    delete process.env.SECRET_OF_THE_MACHINE
    expect(await server.admin('/')).toMatchObject({ secret: null })
  })

  test('tells how it ended', async () => {
    server = await startServer({ script })
    server.kill('SIGTERM')
    expect(await server.exited).toEqual({ code: 0, signal: null })
    expect(server.running()).toBe(false)
    server = await startServer({ script })
    server.kill('SIGKILL')
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('answers nothing while it is paused, and can be stopped then', async () => {
    server = await startServer({ script })
    server.pause()
    const asked = server.admin('/', { signal: AbortSignal.timeout(200) })
    await expect(asked).rejects.toThrow('timeout')
    server.resume()
    await server.admin('/')
    server.pause()
    await server.stop()
    expect(server.running()).toBe(false)
  })

  test('that ends before it is ready is an error with what it wrote', async () => {
    await expect(startServer({ script, env: { FAIL: 'PORT is bad' } })).rejects.toThrow('PORT is bad')
  })
})
