import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { medianOf } from './goals.mjs'

const [LEFT, TOP, ROW, PANEL, GAP] = [256, 46, 20, 216, 12]
/** Above and below the bars of a panel: its title; the axis with its numbers and its unit. */
const [HEAD, FOOT] = [26, 44]
/** What the number at the end of the longest bar needs. */
const NUMBER = 56

/** Paper and ink of its own for light and for dark: it is read in pages that say nothing of theirs. */
const STYLE = `
  .paper { fill: #f6f8fa } text { fill: #24292f; font: 12px system-ui, sans-serif }
  .title { font-size: 16px; font-weight: 600 } .head { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
  .bar { fill: #8c959f } .ours { fill: #0969da } .grid { stroke: #d0d7de }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #161b22 } text { fill: #e6edf3 } .small { fill: #9198a1 }
    .bar { fill: #6e7681 } .ours { fill: #4493f8 } .grid { stroke: #30363d }
  }`

/**
 * Writes `<name>.svg` into the directory of the flag `--svg`, if it was given: a row of bars for each of `rows`, a
 * panel of them for each of `panels`, `across` in a line. `of(row, panel)` is its samples, or undefined where nothing
 * was measured; drawn is the median of their `kind`. Panels with the same unit have the same scale.
 */
export async function plot({ flags, name, title, rows, panels, across, of, caption }) {
  if (flags.svg === undefined) return
  const drawn = panels.map((panel) => ({
    ...panel,
    values: rows.map((row) => {
      const samples = of(row, panel)
      return samples && medianOf(samples, panel.kind)
    }),
  }))
  const notes = flags.quick ? [...caption, 'A quick run: few rounds, good for a first look.'] : caption
  await mkdir(flags.svg, { recursive: true })
  const file = join(flags.svg, `${name}.svg`)
  await writeFile(file, svg({ title, rows, panels: drawn, across, notes }))
  console.log(`\nwrote ${file}`)
}

function svg({ title, rows, panels, across, notes }) {
  const height = HEAD + rows.length * ROW + FOOT
  const down = Math.ceil(panels.length / across)
  const [width, bottom] = [LEFT + across * (PANEL + GAP) + GAP, TOP + down * height]
  const scales = scalesOf(panels)
  const parts = panels.map((panel, i) => {
    const [column, y] = [i % across, TOP + Math.floor(i / across) * height]
    const names = column === 0 ? rows.map((row, at) => text(LEFT - 10, rowY(y, at) + 14, row, 'end')) : []
    return [...names, ...bars(panel, rows, scales.get(panel.unit), LEFT + column * (PANEL + GAP), y)].join('\n')
  })
  const whole = bottom + notes.length * 16 + 8
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${whole}" width="${width}" height="${whole}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}
</style>
<rect class="paper" width="${width}" height="${whole}" rx="6"/>
${text(16, 28, title, 'start', 'title')}
${parts.join('\n')}
${notes.map((note, i) => text(16, bottom + 12 + i * 16, note, 'start', 'small')).join('\n')}
</svg>
`
}

function bars({ title, unit, values }, rows, scale, x, y) {
  const length = (value) => (value / scale.max) * (PANEL - NUMBER)
  const end = y + HEAD + rows.length * ROW
  const ticks = scale.ticks.flatMap((tick) => {
    const at = (x + length(tick)).toFixed(1)
    return [
      `<line class="grid" x1="${at}" x2="${at}" y1="${y + HEAD}" y2="${end + 4}"/>`,
      text(at, end + 16, String(tick), 'middle', 'small'),
    ]
  })
  const drawn = values.flatMap((value, row) => {
    const top = rowY(y, row)
    if (value === undefined) return [text(x + 4, top + 14, 'not measured', 'start', 'small')]
    const kind = rows[row].startsWith('headcount') ? 'bar ours' : 'bar'
    return [
      `<rect class="${kind}" x="${x}" y="${top + 3}" width="${length(value).toFixed(1)}" height="${ROW - 6}"/>`,
      text((x + length(value) + 4).toFixed(1), top + 14, shown(value), 'start'),
    ]
  })
  const labels = [text(x, y + 16, title, 'start', 'head'), text(x, end + 32, unit, 'start', 'small')]
  return [...labels, ...ticks, ...drawn]
}

const rowY = (y, row) => y + HEAD + row * ROW

/** Per unit: how far the longest bar goes, and round numbers on the way there. */
function scalesOf(panels) {
  const scales = new Map()
  for (const { unit } of panels) {
    const alike = panels.filter((panel) => panel.unit === unit).flatMap(({ values }) => values)
    const max = Math.max(...alike.filter((value) => value !== undefined))
    const power = 10 ** Math.floor(Math.log10(max / 3))
    const step = [1, 2, 5, 10].map((times) => times * power).findLast((one) => one <= max / 2)
    const ticks = Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => Number((i * step).toPrecision(3)))
    scales.set(unit, { max, ticks })
  }
  return scales
}

const shown = (value) => (value >= 1_000 ? String(Math.round(value)) : value.toPrecision(3))

function text(x, y, said, anchor, style) {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${style ? ` class="${style}"` : ''}>${escaped(said)}</text>`
}

const escaped = (said) => said.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
