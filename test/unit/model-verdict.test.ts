import { expect, test } from 'vitest'
// @ts-expect-error it has no types: the model is no part of what is built
import { verdictOf } from '../../model/verdict.mjs'

/** As pan of spin 6.5.2 prints it. */
const counted = (errors: number) =>
  `State-vector 148 byte, depth reached 4951, errors: ${errors}\n  1802999 states, stored\n`
const ENDED = `(Spin Version 6.5.2 -- 6 December 2019)\n\nFull statespace search for:\n${counted(0)}`
const CUT = '(Spin Version 6.5.2 -- 6 December 2019)\nWarning: Search not completed\n\nFull statespace search for:\n'

test.each([
  ['all histories were seen', ENDED, 'holds'],
  ['the memory was used up', `pan: reached -DMEMLIM bound\n${CUT}${counted(0)}`, 'incomplete'],
  ['one was longer than it may be', `error: max search depth too small\n${ENDED}`, 'incomplete'],
  ['nothing was said', '', 'incomplete'],
  [
    'a promise broke, and the search ended there',
    `pan:1: assertion violated S1_open_within_limit (at depth 80)\n${CUT}${counted(1)}`,
    'S1_open_within_limit',
  ],
])('of a search of the model: %s', (_, output, verdict) => {
  expect(verdictOf(output)).toBe(verdict)
})
