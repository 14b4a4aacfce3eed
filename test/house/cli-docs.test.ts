import { describe, expect, test } from 'vitest'
import { makeProgram } from '../../src/cli/program.js'
import { commandReference, commonReference } from './reference.js'
import { read } from './sources.js'
import { findingsTable } from './tables.js'

describe('docs/cli.md', () => {
  const document = read('docs/cli.md')

  test('has every command with its options, as the code has them', () => {
    expect(document).toContain(`\n\n${commandReference(makeProgram('0.0.0', ''))}\n`)
  })

  test('has every finding of doctor, as the code has them', () => {
    expect(document).toContain(`\n\n${findingsTable()}\n`)
  })

  test('has the common options, as the code has them', () => {
    expect(document).toContain(`\n\n${commonReference()}\n\n`)
  })
})
