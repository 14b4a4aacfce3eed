import { expect } from 'vitest'
import { operate, type Told } from './operator.js'

export interface Finding {
  readonly code: string
  readonly severity: string
  readonly subject: string
  readonly details: readonly string[]
}

/** Has `headcount doctor` look at a Redis. It must be able to look at everything. */
export async function doctor(url: string, prefix: string): Promise<Told & { findings: Finding[]; codes: string[] }> {
  const told = await operate(['doctor', '--json', '--redis', url, '--key-prefix', prefix])
  const { findings, skipped } = JSON.parse(told.stdout) as { findings: Finding[]; skipped: string[] }
  expect(skipped).toEqual([])
  return { ...told, findings, codes: findings.map(({ code }) => code).sort() }
}
