import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { blank } from './blank.js'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What is made by machines or belongs to others. */
const FOREIGN = new Set(['node_modules', 'dist', 'coverage', '.git'])

export interface SourceFile {
  /** From the root of the project, with slashes. */
  readonly path: string
  readonly text: string
  /** The text with comments blanked out, and with strings blanked out too. Lines stay where they are. */
  readonly uncommented: string
  readonly code: string
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, uncommented: blank(text, { strings: false }), code: blank(text, { strings: true }) }
}

/** All files below a folder of the project, whose names end in one of `endings`; sorted. */
export function pathsUnder(folder: string, ...endings: string[]): string[] {
  const found: string[] = []
  const visit = (directory: string) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name)
      if (entry.isDirectory() && !FOREIGN.has(entry.name)) visit(path)
      if (entry.isFile() && endings.some((ending) => entry.name.endsWith(ending))) found.push(path)
    }
  }
  visit(join(ROOT, folder))
  return found.map((path) => relative(ROOT, path).split(sep).join('/')).sort()
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** The TypeScript of src that people wrote. */
export function sources(): SourceFile[] {
  const written = pathsUnder('src', '.ts').filter((path) => !path.endsWith('.generated.ts'))
  return written.map((path) => sourceFile(path, read(path)))
}
