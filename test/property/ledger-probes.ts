/** What leases were asked to look for, and have not been told: each once for a scope, and no longer than it lives. */
export class LedgerProbes {
  readonly #probes = new Map<string, number>()

  ask(holders: Iterable<number>, scope: string): void {
    for (const lease of holders) this.#probes.set(`${lease}:${scope}`, lease)
  }

  /** Told once. */
  tell(lease: number): string[] {
    const due = [...this.#probes].filter(([, owner]) => owner === lease).map(([probe]) => probe)
    for (const probe of due) this.#probes.delete(probe)
    return due
  }

  all(): string[] {
    return [...this.#probes.keys()]
  }

  clear(): void {
    this.#probes.clear()
  }
}
