import { expect, test } from 'vitest'
import { pathOf } from '../../src/gate/path-of.js'

test.each([
  ['/connect', '/connect'],
  ['/connect?a=/b', '/connect'],
  ['http://example.com/connect?a=b', '/connect'],
  ['HTTPS://example.com:8443/a/b', '/a/b'],
  ['http://example.com', '/'],
  ['http://example.com?a=b', '/'],
  ['//example.com/connect', '//example.com/connect'],
  ['*', '*'],
])('the path of %s', (url, path) => {
  expect(pathOf({ url })).toBe(path)
})
