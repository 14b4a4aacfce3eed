import { expect, onTestFinished, test } from 'vitest'
import { brokenServer } from '../support/broken-build.js'
import { spawnNode } from '../support/processes.js'
import { until } from '../support/until.js'

test('L4: a signal while most of the code is loaded ends `serve` with 0, where one without a listener is ignored as PID 1', async () => {
  // Other commands load this before they do anything, and the server with nearly all that it is made of.
  const first = "import { decodeNodeInfo } from '../node/node-info.js'"
  const hangs = "console.error('loading'); setInterval(() => {}, 1_000); await new Promise(() => {})"
  const server = brokenServer('limiter/node-stats.js', first, `${first}\n${hangs}`)
  const start = async (command: string) => {
    const own = await spawnNode(server.replace('server/main.js', 'cli/main.js'), [command], {
      PORT: '0',
      ADMIN_PORT: '0',
    })
    onTestFinished(() => own.kill())
    await until(() => own.output().includes('loading'))
    own.signal('SIGTERM')
    return own.exited
  }
  expect(await start('size')).toEqual({ code: null, signal: 'SIGTERM' })
  expect(await start('serve')).toEqual({ code: 0, signal: null })
})

test('`serve` tells its help and the version like any other command', async () => {
  for (const [flag, text] of [
    ['--help', 'Usage: headcount serve [flags]'],
    ['--version', '0.'],
  ] as const) {
    const command = await spawnNode('dist/cli/main.js', ['serve', flag], {})
    expect((await command.exited).code).toBe(0)
    expect(command.output()).toContain(text)
  }
})
