import { afterEach, describe, expect, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import type { OwnedProcess } from '../support/owned-process.js'
import { type ServerProcess, startCli, startServer } from '../support/processes.js'
import { until } from '../support/until.js'

leakGate()

let server: ServerProcess | undefined
let clis: OwnedProcess[] = []

afterEach(async () => {
  await Promise.all([...clis.map((cli) => cli.kill()), server?.stop()])
  clis = []
})

interface Line {
  readonly event: string
  readonly [field: string]: unknown
}

/** `headcount connect` as a newcomer types it, with one JSON object a line. */
async function connect(count: number): Promise<{ cli: OwnedProcess; lines(): Line[] }> {
  const args = ['connect', '--url', server!.url, '--key', 'demo-key-acme', '-n', String(count), '--json']
  const cli = await startCli(args)
  clis.push(cli)
  const lines = () => cli.stdout().trimEnd().split('\n').filter(Boolean).map(toLine)
  await until(() => lines().some(({ event }) => event === 'summary'), { withinMs: 10_000, what: 'a summary' })
  return { cli, lines }
}

const toLine = (text: string) => JSON.parse(text) as Line
const of = (event: string, lines: readonly Line[]) => lines.filter((line) => line.event === event)

const refusal = (limit: number) => ({
  ...{ event: 'refused', connection: expect.any(Number), title: expect.any(String) },
  instance: expect.stringMatching(/^urn:uuid:/),
  ...{ status: 429, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: limit, maxAllowed: limit },
  retryAfterSeconds: expect.toSatisfy((seconds: unknown) => Number.isInteger(seconds) && (seconds as number) >= 1),
})

describe('a newcomer with nothing but Node: one node, the embedded store, a demo key', () => {
  test('of five connections three are accepted and two refused with all that helps; one closes, one more fits', async () => {
    server = await startServer()
    const { cli, lines } = await connect(5)
    expect(of('accepted', lines()).map(({ connection }) => connection)).toEqual([1, 2, 3])
    expect(new Set(of('accepted', lines()).map(({ connectionId }) => connectionId)).size).toBe(3)
    expect(of('refused', lines())).toEqual([refusal(3), refusal(3)])
    expect(of('summary', lines())).toEqual([{ event: 'summary', accepted: 3, refused: 2, failed: 0, held: 3 }])
    expect(await server.admin('/admin/v1/orgs/acme')).toMatchObject({ orgId: 'acme', currentCount: 3, maxAllowed: 3 })

    cli.type('1\n')
    await until(() => of('closed', lines()).length === 1, { what: 'the first connection is closed' })
    const second = await connect(2)
    expect(of('accepted', second.lines())).toHaveLength(1)
    expect(of('refused', second.lines())).toEqual([refusal(3)])

    for (const one of clis) one.signal('SIGINT')
    expect(await Promise.all(clis.map(({ exited }) => exited))).toEqual(Array(2).fill({ code: 0, signal: null }))
    const empty = async () => (await server!.admin<{ orgs: unknown[] }>('/admin/v1/orgs')).orgs.length === 0
    await until(empty, { what: 'all slots are given back' })
  })

  test('WS_MAX_CONNECTIONS_PER_ORG=7 gives seven', async () => {
    server = await startServer({ env: { WS_MAX_CONNECTIONS_PER_ORG: '7' } })
    const { lines } = await connect(9)
    expect(of('accepted', lines())).toHaveLength(7)
    expect(of('refused', lines())).toEqual([refusal(7), refusal(7)])
  })

  test('says at start that the store is embedded, where to connect, and which keys', async () => {
    server = await startServer()
    const said = server.output
    const endpoint = `ws://127.0.0.1:${server.port}/api/internal/v1/ws/gateways/connect`
    // The node may be ready a moment before it says so.
    await until(() => [endpoint, 'embedded', 'demo-key-acme'].every((word) => said().includes(word)))
    const ready = await fetch(`${server.adminUrl}/readyz`, { signal: AbortSignal.timeout(2_000) })
    expect(await ready.json()).toMatchObject({ status: 'ok', store: 'embedded' })
  })
})
