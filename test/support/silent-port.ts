import { connect } from 'node:net'
import { onTestFinished } from 'vitest'
import { spawnOwned } from './owned-process.js'
import { until } from './until.js'

/**
 * Whoever connects there hears nothing, until the test is finished: a frozen process with a full backlog, for which the
 * kernel drops further handshakes without a word.
 */
export async function startSilentPort(host: string, port: number): Promise<void> {
  const listen = `require('net').createServer().listen({ port: ${port}, host: '${host}', backlog: 1 }, () => console.log('listening'))`
  const frozen = await spawnOwned(process.execPath, ['-e', listen])
  onTestFinished(() => frozen.kill())
  await until(() => frozen.output().includes('listening'))
  frozen.signal('SIGSTOP')
  const fillers = Array.from({ length: 8 }, () => connect(port, host).on('error', () => {}))
  onTestFinished(() => {
    for (const filler of fillers) filler.destroy()
  })
  await until(() => fillers.some(({ connecting }) => !connecting) && fillers.some(({ connecting }) => connecting))
}
