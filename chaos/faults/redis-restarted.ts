import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stage } from '../stage.js'
import { type Fault, onSingle, short, singleOf } from './fault.js'

/** Killed, away for a while, and back without anything (R1, R2). */
export const redisRestartedEmpty: Fault = {
  name: 'Redis killed, restarted empty',
  lastsMs: short,
  possible: onSingle,
  async happen(stage, { lastsMs }) {
    await rm(await snapshotPath(stage), { force: true })
    await restart(stage, lastsMs)
  },
}

/** The same with what it knew some seconds before: slots of connections that are gone, and not those of newer ones. */
export const redisRestartedOld: Fault = {
  name: 'Redis killed, restarted with an old snapshot',
  lastsMs: short,
  possible: onSingle,
  async happen(stage, { lastsMs }) {
    const snapshot = await snapshotPath(stage)
    await stage.command('SAVE')
    await sleep(5_000)
    await restart(stage, lastsMs)
    await rm(snapshot)
  },
}

async function restart(stage: Stage, awayMs: number): Promise<void> {
  const { server } = singleOf(stage)
  stage.begin('store-away')
  await server.kill()
  stage.begin('store-lost')
  await sleep(awayMs)
  await server.restart()
  stage.end('store-away')
}

async function snapshotPath(stage: Stage): Promise<string> {
  const [[, directory = ''] = []] = await stage.command<string[]>('CONFIG', 'GET', 'dir')
  return join(directory, 'dump.rdb')
}
