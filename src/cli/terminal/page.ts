import { styleText } from 'node:util'
import { widthOf } from './safe-text.js'

export type Paint = 'bold' | 'dim' | 'red' | 'yellow' | 'green'

/** What a view is drawn on. Colour only repeats what the words say, so a page without it says the same. */
export interface Page {
  readonly rows: number
  paint(paint: Paint, text: string): string
}

/** The page of this process: in colour on a terminal that wants it, plain everywhere else. */
export function pageOf(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Page {
  const colours = stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  return {
    rows: stream.isTTY ? stream.rows : Number.POSITIVE_INFINITY,
    paint: (paint, text) => (colours ? styleText(paint, text) : text),
  }
}

/** A text of a table, and how it is painted once it has its width. */
export type Cell = string | { readonly text: string; readonly paint: Paint }

export interface Column {
  readonly title: string
  readonly right?: boolean
}

/** Lines of a table under its titles. Texts must be safe; the last column is as wide as it likes. */
export function table(page: Page, columns: readonly Column[], rows: readonly (readonly Cell[])[]): string[] {
  const textOf = (cell: Cell | undefined) => (typeof cell === 'object' ? cell.text : (cell ?? ''))
  // Not as arguments of one call: a cluster may have more orgs than a call takes.
  const widthOfColumn = (title: string, i: number) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(textOf(row[i]))), title.length)
  const widths = columns.map(({ title }, i) => widthOfColumn(title, i))
  const draw = (cells: readonly Cell[]) =>
    columns
      .map(({ right }, i) => {
        const cell = cells[i]
        const text = textOf(cell)
        const gap = ' '.repeat(widths[i]! - widthOf(text))
        const padded = right ? gap + text : i === columns.length - 1 ? text : text + gap
        return typeof cell === 'object' ? page.paint(cell.paint, padded) : padded
      })
      .join('  ')
      .trimEnd()
  return [page.paint('dim', draw(columns.map(({ title }) => title))), ...rows.map(draw)]
}
