// The container engine's command line, for the check of docker-compose.yml. What takes seconds is waited for and does not
// block: the check's own clients have to answer meanwhile, or a node that closes them cuts them off after 2 s, and its
// slots are free before they have read why.
import { execFile, execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const execute = promisify(execFile)
/** What building an image says. */
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024

const root = fileURLToPath(new URL('../..', import.meta.url))
const project = ['-p', 'headcount-check']
/** All clients of the check have one address. */
const env = { ...process.env, WS_RATE_LIMIT_PER_MINUTE: '1000000' }

/** `docker compose` where the plug-in is installed, else `docker-compose`. */
const [command, ...first] = (() => {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' })
    return ['docker', 'compose']
  } catch {
    return ['docker-compose']
  }
})()

export function compose(...args) {
  return run(command, [...first, ...project, ...args])
}

export function engine(...args) {
  return run('docker', args)
}

async function run(file, args) {
  const running = execute(file, args, { cwd: root, env, maxBuffer: MOST_OUTPUT_BYTES })
  running.child.stderr.pipe(process.stderr)
  return (await running).stdout
}

/** Builds the image and starts the stack; what of it waits for what is written in docker-compose.yml. */
export async function up() {
  const network = process.env.HEADCOUNT_BUILD_NETWORK
  await engine('build', ...(network ? ['--network', network] : []), '-t', 'headcount:local', '.')
  await compose('up', '-d', '--no-build')
}

export async function down() {
  await compose('down', '-v', '-t', '5')
}

export async function containersOf(service) {
  return (await compose('ps', '-q', service)).split('\n').filter(Boolean)
}
