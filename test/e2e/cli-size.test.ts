import { describe, expect, test } from 'vitest'
import { operate } from '../support/operator.js'

const SOUND = { orgs: '1e4', connections: '30000', churn: '0.5' }
const size = (given: Record<string, string>, ...more: string[]) =>
  operate(['size', ...Object.entries({ ...SOUND, ...given }).map(([name, value]) => `--${name}=${value}`), ...more])

describe('headcount size', () => {
  test('says for people and for programs what a cluster takes, and asks nobody', async () => {
    const { code, stdout } = await size({})
    expect(code).toBe(0)
    expect(stdout).toMatch(/^30,000 connections in 10,000 orgs \(3 each\)/)
    const told = await size({ nodes: '2' }, '--json')
    expect(JSON.parse(told.stdout)).toMatchObject({
      asked: { orgs: 10_000, connections: 30_000, churnPerSecond: 0.5, nodes: 2 },
      redis: { primaries: 1, cpuShare: expect.any(Number), memoryBytes: expect.any(Number) },
      nodes: { count: 2, needed: 4, connectionsEach: 15_000 },
    })
  })

  test('says so where the nodes that there are do not suffice', async () => {
    expect((await size({ nodes: '2' })).stdout).toContain('too few, 4 are needed')
    expect((await size({ nodes: '4' })).stdout).not.toContain('too few')
  })

  test.each<[Record<string, string>, RegExp]>([
    [{ orgs: '0' }, /--orgs must be a whole number from 1, not 0/],
    [{ orgs: '1.5' }, /--orgs must be a whole number from 1/],
    [{ connections: 'many' }, /--connections must be a number .*, not many/],
    [{ connections: '1e10' }, /--connections must be a number from 0 to 1,000,000,000/],
    [{ churn: '-1' }, /--churn must be a number/],
    [{ nodes: '' }, /--nodes must be a number/],
    [{ orgs: '30001' }, /30001 orgs cannot hold 30000 connections/],
    [{ nodes: '1e9' }, /more than 256 buckets/],
  ])('refuses %j with INVALID_SIZE', async (given, message) => {
    const told = await size(given, '--json')
    expect([told.code, told.stdout]).toEqual([1, ''])
    const { error } = JSON.parse(told.stderr) as { error: { message: string; code: string } }
    expect(error.code).toBe('INVALID_SIZE')
    expect(error.message).toMatch(message)
  })

  test('refuses what is left out', async () => {
    const told = await operate(['size', '--orgs', '3'])
    expect(told).toMatchObject({ code: 1, stdout: '' })
    expect(told.stderr).toContain('--connections')
  })
})
