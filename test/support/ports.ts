import { createServer } from 'node:net'

// Below the range from which Linux and macOS take the ports of outgoing connections: a port that is free now is not
// taken by a passing client before its server listens.
const LOWEST = 10_000
const HIGHEST = 32_000

const given = new Set<number>()

/** A TCP port that nobody listens on, never given twice by this process. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`no free TCP port found between ${LOWEST} and ${HIGHEST} in 100 attempts`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}
