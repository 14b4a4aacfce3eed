import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { ChaosRecord, RunHeader } from './records.js'

type Untimed<R> = R extends { readonly t: number } ? Omit<R, 't'> : never

const LAG_PROBE_MS = 50
const LAG_WORTH_SAYING_MS = 25

/** Everything that happened, in the order in which this process came to know of it. */
export class Log {
  readonly records: ChaosRecord[] = []
  readonly #originMs = performance.now()
  #probe: NodeJS.Timeout | undefined

  /** Milliseconds since the run began. */
  nowMs(): number {
    return Math.round((performance.now() - this.#originMs) * 10) / 10
  }

  write(record: Untimed<ChaosRecord>): void {
    this.records.push({ t: this.nowMs(), ...record } as ChaosRecord)
  }

  /** Writes down from now on when this process is late itself, until `stopLagProbe`. */
  startLagProbe(): void {
    let dueMs = performance.now() + LAG_PROBE_MS
    this.#probe = setInterval(() => {
      const lateMs = performance.now() - dueMs
      dueMs = performance.now() + LAG_PROBE_MS
      if (lateMs > LAG_WORTH_SAYING_MS) this.write({ is: 'lag', ms: Math.round(lateMs) })
    }, LAG_PROBE_MS)
  }

  stopLagProbe(): void {
    clearInterval(this.#probe)
  }
}

export async function keepRecords(path: string, header: RunHeader, records: readonly ChaosRecord[]): Promise<void> {
  const file = createWriteStream(path)
  file.write(`${JSON.stringify(header)}\n`)
  for (const record of records) file.write(`${JSON.stringify(record)}\n`)
  file.end()
  await finished(file)
}

export async function readRecords(path: string): Promise<{ header: RunHeader; records: ChaosRecord[] }> {
  const [first = '', ...rest] = (await readFile(path, 'utf8')).trimEnd().split('\n')
  return { header: JSON.parse(first), records: rest.map((line) => JSON.parse(line)) }
}
