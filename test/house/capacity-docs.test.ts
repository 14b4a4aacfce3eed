import { describe, expect, test } from 'vitest'
import { capacityOf } from '../../src/cli/size/capacity.js'
import { constants } from '../../src/cli/size/capacity-constants.js'
import { sizeLines } from '../../src/cli/size/size.js'
import { read } from './sources.js'

describe('docs/capacity.md', () => {
  const document = read('docs/capacity.md')

  test.each(Object.entries(constants))('has %s as the code has it', (name, value) => {
    expect(document).toContain(`\n| \`${name}\` | ${value.toLocaleString('en-US')} |`)
  })

  test('has the code’s constants alone', () => {
    const rows = [...document.matchAll(/^\| `(\w+)` \|/gm)].map((found) => found[1])
    expect(rows).toEqual(Object.keys(constants))
  })

  test.each(
    [...document.matchAll(/^\$ headcount size (.+)\n([\s\S]+?)```/gm)].map(([, flags, text]) => [flags!, text!]),
  )('shows what `headcount size %s` says', (flags, text) => {
    const given = new Map([...flags.matchAll(/--(\w+) (\S+)/g)].map(([, name, value]) => [name, Number(value)]))
    const asked = {
      orgs: given.get('orgs')!,
      connections: given.get('connections')!,
      churnPerSecond: given.get('churn')!,
    }
    expect(text).toBe(`${sizeLines(asked, capacityOf(asked)!).join('\n')}\n`)
  })

  test('shows it at least once', () => {
    expect(document).toMatch(/^\$ headcount size /m)
  })
})
