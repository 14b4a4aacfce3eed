// The container engine's command line, for the check of docker-compose.yml.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

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
  return execFileSync(command, [...first, ...project, ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

export function engine(...args) {
  return execFileSync('docker', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Builds the image and starts the stack; what of it waits for what is written in docker-compose.yml. */
export function up() {
  const network = process.env.HEADCOUNT_BUILD_NETWORK
  engine('build', ...(network ? ['--network', network] : []), '-t', 'headcount:local', '.')
  compose('up', '-d', '--no-build')
}

export function down() {
  compose('down', '-v', '-t', '5')
}

export function containersOf(service) {
  return compose('ps', '-q', service).split('\n').filter(Boolean)
}
