import { request } from 'node:http'
import { join } from 'node:path'
import { temporaryDirectory } from './owned-process.js'

export interface Vitals {
  /** Sockets of the public listener that are not closed, whatever the program knows of them. */
  readonly sockets: number
  /** The same of the admin listener. */
  readonly adminSockets: number
  /** Memory of the whole process that is in RAM. */
  readonly rssBytes: number
  readonly heapBytes: number
  /** Buffers and what else lives outside of the heap. */
  readonly externalBytes: number
  /** Warnings of Node, such as of too many listeners. */
  readonly warnings: readonly string[]
}

export interface HeapVitals extends Vitals {
  /** Live objects on the heap after a full collection. Each listener is a function that somebody still holds. */
  readonly requests: number
  readonly functions: number
  readonly signals: number
}

/** What a server process holds, told by the process itself: give `env` to `startServer`. */
export class VitalsProbe {
  readonly env: Readonly<Record<string, string>>
  readonly #socketPath = join(temporaryDirectory(), 'vitals')

  constructor() {
    const probe = new URL('./vitals-probe.mjs', import.meta.url)
    this.env = { NODE_OPTIONS: `--expose-gc --import=${probe.href}`, TEST_VITALS_SOCKET: this.#socketPath }
  }

  now(): Promise<Vitals> {
    return this.#ask('/')
  }

  /** The same after one garbage collection, short enough for a process that is at work. */
  collected(): Promise<Vitals> {
    return this.#ask('/collected')
  }

  /** All that can be told, after full garbage collections; the process does nothing else for a while. */
  heap(): Promise<HeapVitals> {
    return this.#ask('/heap')
  }

  #ask<T>(path: string): Promise<T> {
    return new Promise((resolve, reject) => {
      // No agent: a connection kept alive would be a socket of this process that outlives the test.
      const options = { socketPath: this.#socketPath, path, agent: false, signal: AbortSignal.timeout(10_000) }
      const asked = request(options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve(JSON.parse(text)))
        response.on('error', reject)
      })
      asked.on('error', reject)
      asked.end()
    })
  }
}
