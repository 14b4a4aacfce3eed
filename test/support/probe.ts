import { GATEWAY_PATH } from './gateways.js'
import type { OwnedProcess } from './owned-process.js'
import { spawnNode } from './processes.js'

/** One answer to a client that asks for an admission, and goes away as soon as it is told. */
export interface Probed {
  /** Milliseconds since 1970. */
  readonly askedAtMs: number
  /** Which of the nodes, from 0. */
  readonly node: number
  readonly tookMs: number
  /** `101`, the code of a refusal, or how the connection ended without either. */
  readonly answer: string
}

export interface ProbeOptions {
  readonly urls: readonly string[]
  readonly key: string
  /** Asks once in so many milliseconds, the nodes in turn, however long answers take. */
  readonly everyMs: number
  /** Where it asks: at a path where nothing is, a node answers without asking anybody. */
  readonly path?: string
}

/** Asks for admissions at a steady rate from a process of its own. */
export class Probe {
  readonly #process: OwnedProcess

  private constructor(process: OwnedProcess) {
    this.#process = process
  }

  static async start({ urls, key, everyMs, path = GATEWAY_PATH }: ProbeOptions): Promise<Probe> {
    const ports = urls.map((url) => new URL(url).port)
    return new Probe(await spawnNode('test/support/admission-probe.mjs', [path, key, `${everyMs}`, ...ports]))
  }

  /** Answers to what was asked in [fromMs, toMs). */
  answers(fromMs = 0, toMs = Number.POSITIVE_INFINITY): Probed[] {
    const lines = this.#process.stdout().split('\n').slice(0, -1)
    return lines.map(read).filter(({ askedAtMs }) => askedAtMs >= fromMs && askedAtMs < toMs)
  }

  stop(): Promise<void> {
    return this.#process.kill()
  }
}

function read(line: string): Probed {
  const [askedAtMs, node, tookMs, answer] = line.split(' ') as [string, string, string, string]
  return { askedAtMs: Number(askedAtMs), node: Number(node), tookMs: Number(tookMs), answer }
}

/** How often each answer came. */
export function tally(answers: readonly Probed[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { answer } of answers) counts[answer] = (counts[answer] ?? 0) + 1
  return counts
}

/** The value below which a share of them lie; `NaN` of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
