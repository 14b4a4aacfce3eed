import { execFileSync } from 'node:child_process'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pathsUnder, read, sources } from './sources.js'

/** Where packages come from for everybody. */
const PUBLIC_REGISTRY = 'registry.npmjs.org'

const TEXT = [
  '.ts',
  '.js',
  '.mjs',
  '.json',
  '.md',
  '.lua',
  '.yml',
  '.yaml',
  '.sh',
  '.html',
  '.css',
  'Dockerfile',
  'run',
  '.npmrc',
]

interface LockedPackage {
  readonly resolved?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> }

/** Places of one machine that mean nothing to anybody else. */
function privatePlaces(): string[] {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const { host } = new URL(registry.trim())
  // Built from parts, so that this file does not name it.
  return [['', 'work', ''].join('/'), ...(host === PUBLIC_REGISTRY ? [] : [host])]
}

function placesIn(text: string, places: readonly string[]): string[] {
  return places.filter((place) => new RegExp(`(?<![\\w.}-])${escaped(place)}`).test(text))
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

describe('the repository', () => {
  test('no file names a place of one machine', () => {
    const places = privatePlaces()
    const found = pathsUnder('.', ...TEXT).flatMap((path) =>
      placesIn(read(path), places).map((place) => `${path}: ${place}`),
    )
    expect(found).toEqual([])
  })

  test('control: such a place is found', () => {
    const place = ['', 'work', ''].join('/')
    expect(placesIn(`see ${place}main`, [place])).toEqual([place])
    expect(placesIn(`see a/net${place}main`, [place])).toEqual([])
    expect(placesIn('from https://npm.corp.example/x', ['npm.corp.example'])).toEqual(['npm.corp.example'])
  })

  test('the lock file names no host: every registry serves the same packages, by hash', () => {
    const resolved = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined)
    expect(resolved.map(([path]) => path)).toEqual([])
  })

  test('the lock file holds what its packages may need on other systems, or npm ci fails everywhere', () => {
    expect(missingOptionals(lock.packages)).toEqual([])
  })

  test('control: a missing optional package is found', () => {
    const packages = {
      'node_modules/a': { optionalDependencies: { 'b-linux': '1', 'b-darwin': '1' } },
      'node_modules/b-linux': {},
    }
    expect(missingOptionals(packages)).toEqual(['node_modules/a: b-darwin'])
  })

  test('what the types of the library import has its types in production', () => {
    const typed = ['@types/ws', '@types/node']
    expect(typed.filter((name) => lock.packages[`node_modules/${name}`]?.dev !== undefined)).toEqual([])
  })

  test('the documents that messages and comments of the code name are in the package', () => {
    const { files } = JSON.parse(read('package.json')) as { files: readonly string[] }
    const named = sources().flatMap(({ text }) => text.match(/\bdocs\/[\w/-]+\.md\b/g) ?? [])
    expect(named.length).toBeGreaterThan(5)
    const isPacked = (path: string) => files.includes(path) || files.includes(`${posix.dirname(path)}/*.md`)
    expect([...new Set(named)].filter((path) => !isPacked(path))).toEqual([])
  })

  test('the tests that start first are there', () => {
    const first = read('test/support/longest-first.ts').match(/\btest\/.+\.test\.ts\b/g) ?? []
    expect(first.length).toBeGreaterThan(10)
    const all = new Set(pathsUnder('test', '.test.ts'))
    expect(first.filter((path) => !all.has(path))).toEqual([])
  })

  test('what runs in production runs nothing at install', () => {
    expect(withInstallScript(lock.packages)).toEqual([])
  })

  test('control: a production package with an install script is found', () => {
    const packages = {
      '': { hasInstallScript: false },
      'node_modules/a': { hasInstallScript: true },
      'node_modules/b': { hasInstallScript: true, dev: true },
    }
    expect(withInstallScript(packages)).toEqual(['node_modules/a'])
  })
})

function missingOptionals(packages: Record<string, LockedPackage>): string[] {
  const held = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)))
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !held.has(name))
      .map((name) => `${path}: ${name}`),
  )
}

function withInstallScript(packages: Record<string, LockedPackage>): string[] {
  return Object.entries(packages)
    .filter(([, { hasInstallScript, dev, devOptional }]) => hasInstallScript && !dev && !devOptional)
    .map(([path]) => path)
}
