import { expect, test } from 'vitest'
import { brokenServer } from './broken-build.js'
import { BROKEN } from './broken-on-purpose.js'

test.each(Object.keys(BROKEN) as (keyof typeof BROKEN)[])(
  'what was built can be broken so for a control: %s',
  (what) => {
    const [file, right, wrong] = BROKEN[what]
    expect(brokenServer(file, right, wrong)).toMatch(/main\.js$/)
  },
)
