import { execFile } from 'node:child_process'
import { access, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Installs a package of Debian's, as root only, without starting a service that comes with it. Resolves to whether it
 * did; the reason for a failure is printed, because the run is about to fail for it.
 */
export async function installWithApt(name: string): Promise<boolean> {
  if (process.getuid?.() !== 0 || !(await exists('/usr/bin/apt-get'))) return false
  console.log(`for tests: no ${name} found, trying apt-get install ${name}`)
  // invoke-rc.d asks this file before it starts a service; 101 means no.
  const ours = !(await exists(POLICY))
  if (ours) await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await aptGet('update', '-qq')
    await aptGet('install', '-qq', '-y', '--no-install-recommends', name)
    return true
  } catch (error) {
    console.error(`for tests: apt-get failed: ${error instanceof Error ? error.message : error}`)
    return false
  } finally {
    if (ours) await rm(POLICY, { force: true })
  }
}

async function aptGet(...args: string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('/usr/bin/apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], { env, timeout: 240_000 })
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
