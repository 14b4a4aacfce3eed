import { readFile, stat } from 'node:fs/promises'
import type { Clock } from '../core/clock.js'
import type { Tiers } from '../core/tiers.js'
import type { Gate } from '../gate/gate.js'
import type { Identification, Identity } from '../gate/identify.js'
import type { Log } from '../observe/log.js'
import type { IdentitySource } from './identity-source.js'
import { parseKeyFile } from './key-file-schema.js'
import { KeyRing } from './key-ring.js'
import { withKnownTiers } from './key-tiers.js'

export interface KeyFileOptions {
  readonly path: string
  readonly clock: Clock
  readonly log: Log
  /** Keys may be in these tiers; any name passes where absent. */
  readonly tiers?: Tiers
  /** How often the file is looked at; 1 s where absent. */
  readonly pollMs?: number
}

export type OpenedKeyFile =
  | { readonly ok: true; readonly keyFile: KeyFile }
  /** Whole sentences about the file, without anything secret. */
  | { readonly ok: false; readonly problems: readonly string[] }

type Loaded = { readonly version: string; readonly ring?: KeyRing; readonly problems: readonly string[] }

/**
 * The API keys of a file, which may change at any time: a changed file counts within about a second, for the next
 * upgrade and for the connections of a key that is gone, disabled or another gateway's now: these are closed. A file
 * that became unreadable or wrong changes nothing but the log; the keys read last stay in force.
 *
 * The file is looked at instead of watched, because a Kubernetes secret changes by moving a symbolic link two levels
 * up, which watchers miss. One look is under way at a time; if the disk hangs, the keys stay as they are.
 */
export class KeyFile implements IdentitySource {
  readonly #options: KeyFileOptions
  #ring: KeyRing
  #version: string
  #gate: Pick<Gate, 'closeRevoked'> | undefined
  #stopped = false
  #cancel: () => void = () => {}

  private constructor(options: KeyFileOptions, ring: KeyRing, version: string) {
    this.#options = options
    this.#ring = ring
    this.#version = version
    this.#schedule()
  }

  /** Reads the file for the first time and keeps looking at it until `stop`. */
  static async open(options: KeyFileOptions): Promise<OpenedKeyFile> {
    const { version, ring, problems } = await load(options, undefined)
    return ring === undefined ? { ok: false, problems } : { ok: true, keyFile: new KeyFile(options, ring, version) }
  }

  identify(key: string): Identification | undefined {
    return this.#ring.identify(key)
  }

  mayStay(identity: Identity): boolean {
    return this.#ring.mayStay(identity)
  }

  watch(gate: Pick<Gate, 'closeRevoked'>): void {
    this.#gate = gate
  }

  tierOf(org: string): string | undefined {
    return this.#ring.tierOf(org)
  }

  /** The number of keys in force. */
  get size(): number {
    return this.#ring.size
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #schedule(): void {
    if (!this.#stopped) this.#cancel = this.#options.clock.after(this.#options.pollMs ?? 1_000, () => void this.#look())
  }

  async #look(): Promise<void> {
    const { path, log } = this.#options
    const { version, ring, problems } = await load(this.#options, this.#version)
    if (this.#stopped) return
    const changed = version !== this.#version
    this.#version = version
    if (ring !== undefined) {
      this.#ring = ring
      log.info({ path, keys: ring.size }, 'key file reloaded')
      void this.#gate?.closeRevoked()
    } else if (changed) {
      log.error({ path, problems, keys: this.size }, 'key file cannot be used, the keys read before stay in force')
    }
    this.#schedule()
  }
}

/** Reads the file unless it is still as it was at `knownVersion`. Never rejects. */
async function load({ path, tiers, log }: KeyFileOptions, knownVersion: string | undefined): Promise<Loaded> {
  try {
    // Taken before reading: a file that is changed meanwhile has another version at the next look, and is read again.
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    const version = [ino, size, mtimeNs, ctimeNs].join(':')
    if (version === knownVersion) return { version, problems: [] }
    const parsed = parseKeyFile(await readFile(path))
    if (parsed.ok) {
      const entries = tiers ? withKnownTiers(parsed.entries, tiers, log) : parsed.entries
      if (entries.every(({ disabled }) => disabled)) {
        log.warn({ path, keys: entries.length }, 'the key file has no key that is in force: it lets nobody in')
      }
      return { version, ring: new KeyRing(entries), problems: [] }
    }
    return { version, problems: parsed.problems.map((problem) => `${path}: ${problem}`) }
  } catch (error) {
    // Not the version that was seen: a file that could not be read this time is read again, whether it changes or not.
    return {
      version: 'unreadable',
      problems: [`${path}: it cannot be read (${(error as NodeJS.ErrnoException).code ?? error})`],
    }
  }
}
