import { byId, setText, svg } from './dom.js'
import { number, timeOfDay } from './format.js'
import { BUCKET_MS, type Bucket, SPAN_MS } from './history.js'

/** The upper part belongs to the connections, the lower to the refusals: two scales, and no axis on the right. */
const UPPER = 0.64
const LEFT_PX = 44
const TOP_PX = 22
const BOTTOM_PX = 16

/** Connections as a line over refusals as bars. Pointer and arrow keys read the value of a moment. */
export class Chart {
  readonly #svg = byId<SVGSVGElement>('chart')
  readonly #readout = byId('readout')
  #buckets: readonly Bucket[] = []
  #nowMs = 0
  /** How far left of now the cursor stands; `undefined` where there is none. */
  #backMs: number | undefined

  constructor() {
    new ResizeObserver(() => this.#draw()).observe(this.#svg)
    this.#svg.addEventListener('pointermove', (event) => {
      const { left, width } = this.#svg.getBoundingClientRect()
      this.#point((1 - (event.clientX - left - LEFT_PX) / (width - LEFT_PX)) * SPAN_MS)
    })
    for (const ends of ['pointerleave', 'blur']) this.#svg.addEventListener(ends, () => this.#point(undefined))
    this.#svg.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: BUCKET_MS, ArrowRight: -BUCKET_MS }[event.key]
      if (step === undefined) return
      event.preventDefault()
      this.#point((this.#backMs ?? 0) + step * (event.shiftKey ? 12 : 1))
    })
  }

  show(buckets: readonly Bucket[], nowMs: number): void {
    this.#buckets = buckets
    this.#nowMs = nowMs
    this.#draw()
  }

  #point(backMs: number | undefined): void {
    this.#backMs = backMs === undefined ? undefined : Math.min(SPAN_MS, Math.max(0, backMs))
    this.#draw()
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#svg
    if (width === 0 || height === 0) return
    const inner = height - TOP_PX - BOTTOM_PX
    const upper = { top: TOP_PX, height: inner * UPPER - 10 }
    const lower = { top: TOP_PX + inner * UPPER + 4, height: inner * (1 - UPPER) - 4 }
    const x = (atMs: number) => LEFT_PX + (width - LEFT_PX) * (1 - (this.#nowMs - atMs) / SPAN_MS)
    const most = niceMost(Math.max(...this.#buckets.map(({ connections }) => connections), 0))
    const mostRefused = niceMost(Math.max(...this.#buckets.map(rate), 0))
    const y = (connections: number) => upper.top + upper.height * (1 - connections / most)
    const middles = this.#buckets.map((bucket) => ({ ...bucket, x: Math.max(LEFT_PX, x(bucket.fromMs + BUCKET_MS)) }))
    const line = middles.map((bucket, i) => {
      const gap = i === 0 || bucket.fromMs - middles[i - 1]!.fromMs > 3 * BUCKET_MS
      // A point alone must be seen too, so each beginning is a line of no length, with round ends.
      const at = `${bucket.x.toFixed(1)} ${y(bucket.connections).toFixed(1)}`
      return gap ? `M${at}h0` : `L${at}`
    })
    const step = ((width - LEFT_PX) * BUCKET_MS) / SPAN_MS
    const bars = middles.map((bucket) => {
      const tall = lower.height * Math.min(1, rate(bucket) / mostRefused)
      return tall === 0
        ? ''
        : `M${(bucket.x - step).toFixed(1)} ${lower.top + lower.height}h${step.toFixed(1)}v${-tall}h${-step.toFixed(1)}z`
    })
    this.#svg.replaceChildren(
      ...axis(upper, most, width),
      ...axis(lower, mostRefused, width),
      ...[15, 10, 5].map((min) =>
        label(Math.max(LEFT_PX, x(this.#nowMs - min * 60_000)), height - 3, `−${min} min`, 'start'),
      ),
      label(width, height - 3, 'now', 'end'),
      svg('path', { class: 'bars', d: bars.join('') }),
      svg('path', { class: 'line', d: line.join('') }),
      ...this.#cursor(x, upper.top, lower.top + lower.height),
    )
    this.#tell()
  }

  #cursor(x: (atMs: number) => number, top: number, bottom: number): SVGElement[] {
    if (this.#backMs === undefined) return []
    const at = x(this.#nowMs - this.#backMs)
    return [svg('line', { class: 'cursor', x1: at, x2: at, y1: top, y2: bottom })]
  }

  #tell(): void {
    if (this.#backMs === undefined) {
      setText(this.#readout, '')
      return
    }
    const atMs = this.#nowMs - this.#backMs
    const bucket = this.#buckets.findLast(({ fromMs }) => fromMs <= atMs && atMs - fromMs < 2 * BUCKET_MS)
    const told = bucket
      ? `${number(bucket.connections)} connections, ${rate(bucket).toFixed(1)} refusals a second`
      : 'not watched'
    setText(this.#readout, `${timeOfDay(atMs)}: ${told}`)
  }
}

function rate({ refused, watchedMs }: Bucket): number {
  return watchedMs < 500 ? 0 : (refused * 1_000) / watchedMs
}

/** The next of 1, 2, 5, 10, 20 … that is enough. */
function niceMost(value: number): number {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, value)))
  return [1, 2, 5, 10].map((factor) => factor * size).find((nice) => nice >= value) ?? 10 * size
}

function axis({ top, height }: { top: number; height: number }, most: number, width: number): SVGElement[] {
  const bottom = top + height
  return [
    svg('line', { class: 'grid', x1: LEFT_PX, x2: width, y1: top, y2: top }),
    svg('line', { class: 'grid', x1: LEFT_PX, x2: width, y1: bottom, y2: bottom }),
    label(LEFT_PX - 6, top + 4, number(most), 'end'),
    label(LEFT_PX - 6, bottom + 1, '0', 'end'),
  ]
}

function label(x: number, y: number, text: string, anchor: 'start' | 'end'): SVGElement {
  return svg('text', { x, y, 'text-anchor': anchor }, text)
}
