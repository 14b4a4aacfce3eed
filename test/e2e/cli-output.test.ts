import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Runs a command whose output nobody reads to its end, as before `| head -1`. */
function unread(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr })))
}

test.each([
  ['config show'],
  ['config show --json'],
  ['config doc'],
  ['config check'],
  ['size --orgs 1 --connections 1 --churn 1'],
  ['keys list --keys-file deploy/compose/keys.json'],
])('%s | head: who reads only the beginning makes no error', async (command) => {
  expect(await unread(command.split(' '))).toEqual({ code: 0, stderr: '' })
})

test('an output that cannot be written is an error', () => {
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, ['dist/cli/main.js', 'config', 'doc'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  expect({ status, stderr }).toEqual({ status: 1, stderr: 'headcount: standard output cannot be written: ENOSPC\n' })
})
