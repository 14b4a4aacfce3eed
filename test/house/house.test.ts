import { describe, expect, test } from 'vitest'
import * as rules from './rules.js'
import { type SourceFile, sourceFile, sources } from './sources.js'

const lines = (count: number, indent = '') => Array.from({ length: count }, (_, i) => `${indent}step(${i})`).join('\n')

/** Each rule with a file that breaks it and, where the line is thin, one that is just right. */
const house: readonly {
  readonly name: string
  readonly rule: rules.Rule
  readonly bad: readonly SourceFile[]
  readonly good?: readonly SourceFile[]
}[] = [
  {
    name: 'dependencies point inwards',
    rule: rules.dependenciesPointInwards,
    bad: [
      sourceFile('src/core/a.ts', `import { x } from '../store/b.js'`),
      sourceFile('src/store/a.ts', `import type { X } from '../node/b.js'`),
      sourceFile('src/gate/a.ts', `export { x } from '../server/b.js'`),
      sourceFile('src/gate/a.ts', `import {\n  x,\n  y,\n} from '../server/b.js'`),
      sourceFile('src/gate/a.ts', `const x = await import('../admin/b.js')`),
      sourceFile('src/limiter/a.ts', `import { x } from '../observe/b.js'`),
      sourceFile('src/server/a.ts', `import '../cli/b.js'`),
      sourceFile('src/cli/a.ts', `import { x } from '../node/b.js'`),
      sourceFile('src/node/a.ts', `import { x } from '../index.js'`),
      sourceFile('src/shared/a.ts', ''),
    ],
    good: [
      sourceFile('src/server/a.ts', `import { x } from '../core/b.js'\n// import { y } from '../cli/c.js'`),
      sourceFile('src/index.ts', `export { x } from './server/b.js'`),
    ],
  },
  {
    name: 'inside of a node too',
    rule: rules.nodesDependenciesPointInwards,
    bad: [
      sourceFile('src/node/held/a.ts', `import type { X } from '../lease/b.js'`),
      sourceFile('src/node/admission/a.ts', `import type { X } from '../limiter-node.js'`),
      sourceFile('src/node/limiter-node.ts', `import { x } from './buckets/b.js'`),
      sourceFile('src/node/shared/a.ts', ''),
    ],
    good: [
      sourceFile(
        'src/node/lease/a.ts',
        `import { x } from '../held/b.js'
import { y } from '../../core/c.js'`,
      ),
      sourceFile('src/node/buckets/a.ts', `import { x } from '../limiter-node.js'`),
      sourceFile('src/gate/a.ts', `import { x } from '../node/buckets/b.js'`),
    ],
  },
  {
    name: 'core is pure',
    rule: rules.coreIsPure,
    bad: [
      sourceFile('src/core/a.ts', `import { connect } from 'node:net'`),
      sourceFile('src/core/a.ts', `import { z } from 'zod'`),
    ],
  },
  {
    name: 'packages stay behind their doors',
    rule: rules.packagesStayBehindTheirDoors,
    bad: [
      sourceFile('src/node/a.ts', `import { Redis } from 'ioredis'`),
      sourceFile('src/store/memory/store.ts', `import type { Redis } from 'ioredis'`),
      sourceFile('src/gate/gate.ts', `import type { WebSocket } from 'ws'`),
      sourceFile('src/gate/gate.ts', `const { WebSocketServer } = await import('ws')`),
      sourceFile('src/node/a.ts', `import { setTimeout as sleep } from 'node:timers/promises'`),
      sourceFile('src/store/a.ts', `import process from 'node:process'`),
    ],
    good: [
      sourceFile('src/store/redis/connection.ts', `import { Redis } from 'ioredis'`),
      sourceFile('src/gate/ws-gate.ts', `import { WebSocketServer } from 'ws'`),
      sourceFile('src/gate/a.ts', `import { x } from './ws-gate.js'`),
    ],
  },
  {
    name: 'globals stay behind their doors',
    rule: rules.globalsStayBehindTheirDoors,
    bad: [
      sourceFile('src/node/a.ts', 'const now = Date.now()'),
      sourceFile('src/node/a.ts', 'const now = new Date()'),
      sourceFile('src/node/a.ts', 'const now = performance.now()'),
      sourceFile('src/node/a.ts', 'setTimeout(() => {}, 5)'),
      sourceFile('src/node/a.ts', 'globalThis.setInterval(() => {}, 5)'),
      sourceFile('src/node/a.ts', 'start(process)'),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is a sample of source text.
      sourceFile('src/node/a.ts', 'const s = `pid ${process.pid} of this process`'),
    ],
    good: [
      sourceFile('src/node/a.ts', `// Date.now and setTimeout\nconst s = 'process.exit'\nsocket.setTimeout(5)`),
      sourceFile('src/node/a.ts', 'const s = `this process`'),
      sourceFile('src/core/clock.ts', 'setTimeout(() => Date.now(), 5)'),
      sourceFile('src/server/config-sources.ts', 'const env = process.env'),
    ],
  },
  {
    name: 'files are at most 250 lines long',
    rule: rules.filesAreSmall,
    bad: [sourceFile('src/a.ts', lines(251))],
    good: [sourceFile('src/a.ts', `${lines(250)}\n`)],
  },
  {
    name: 'functions are at most 70 lines long',
    rule: rules.functionsAreSmall,
    bad: [
      sourceFile('src/a.ts', `function f(): void {\n${lines(69, '  ')}\n}`),
      sourceFile('src/a.ts', `const f = async (x: X) => {\n${lines(69, '  ')}\n}`),
      sourceFile('src/a.ts', `class A {\n  async #go(): Promise<void> {\n${lines(69, '    ')}\n  }\n}`),
      sourceFile('src/a.ts', `function f(\n  a: A,\n): void {\n${lines(67, '  ')}\n}`),
    ],
    good: [sourceFile('src/a.ts', `class A {\n  async #go(): Promise<void> {\n${lines(68, '    ')}\n  }\n}`)],
  },
  {
    name: 'a file has at most one class',
    rule: rules.oneClassAFile,
    bad: [
      sourceFile('src/a.ts', 'class A {}\nexport class B {}'),
      sourceFile('src/a.ts', 'class A {}\nconst B = class extends A {}\nconst C = class {}'),
    ],
    good: [sourceFile('src/a.ts', `// class B of class C\nclass A {}\nconst s = 'class D {}'`)],
  },
  {
    name: 'a file exports at most three functions or classes',
    rule: rules.fewExports,
    bad: [
      sourceFile(
        'src/a.ts',
        'export function a() {}\nexport async function b() {}\nexport class C {}\nexport const d = () => 1',
      ),
      sourceFile('src/a.ts', `export { a, b, type T, c, d } from './b.js'`),
    ],
    good: [
      sourceFile('src/a.ts', `export function a() {}\nexport interface B {}\nexport const c = 1\nexport type D = 1`),
    ],
  },
  {
    name: 'index.ts only relays',
    rule: rules.indexOnlyRelays,
    bad: [
      sourceFile('src/index.ts', `export * from './a.js'`),
      sourceFile('src/index.ts', `export { a } from './a.js'\nexport const version = 1`),
    ],
    good: [
      sourceFile('src/index.ts', `/** All. */\nexport { a } from './a.js'\nexport type {\n  B,\n} from './b.js'\n`),
    ],
  },
]

describe('the house (design: dependencies point inwards, files are small)', () => {
  test('src has files to look at', () => {
    expect(sources().length).toBeGreaterThan(5)
  })

  for (const { name, rule, bad, good = [] } of house) {
    test(name, () => {
      expect(sources().flatMap(rule)).toEqual([])
    })

    test(`control: ${name}`, () => {
      for (const file of bad) expect(rule(file), file.text.slice(0, 80)).not.toEqual([])
      for (const file of good) expect(rule(file), file.text.slice(0, 80)).toEqual([])
    })
  }
})
