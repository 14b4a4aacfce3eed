import { setText, within } from './dom.js'

/** The height of a row in style.css, its line included. */
const ROW_PX = 28

/** Which part of a list fits, and the two buttons that turn the page. */
export class Pager {
  readonly #area: HTMLElement
  readonly #bar: HTMLElement
  readonly #previous: HTMLButtonElement
  readonly #next: HTMLButtonElement
  #page = 0
  #rows = 1

  /**
   * `area` holds the table, and as many rows are shown as it has room for; or as `--rows` of its style says, where it
   * grows with them.
   */
  constructor(area: HTMLElement, bar: HTMLElement, redraw: () => void) {
    this.#area = area
    this.#bar = bar
    const [previous, next] = bar.querySelectorAll('button')
    this.#previous = previous!
    this.#next = next!
    this.#previous.addEventListener('click', () => {
      this.#page--
      redraw()
    })
    this.#next.addEventListener('click', () => {
      this.#page++
      redraw()
    })
    new ResizeObserver(redraw).observe(area)
  }

  get page(): number {
    return this.#page
  }

  first(): void {
    this.#page = 0
  }

  /** The items of this page. */
  cut<T>(items: readonly T[]): readonly T[] {
    const header = within(this.#area, 'thead').offsetHeight
    const fitting = Math.floor((this.#area.clientHeight - header) / ROW_PX)
    this.#rows = Number(getComputedStyle(this.#area).getPropertyValue('--rows')) || Math.max(1, fitting)
    const last = Math.max(0, Math.ceil(items.length / this.#rows) - 1)
    this.#page = Math.min(Math.max(0, this.#page), last)
    const from = this.#page * this.#rows
    const shown = items.slice(from, from + this.#rows)
    const told = shown.length > 0 ? `${from + 1} to ${from + shown.length} of ${items.length}` : ''
    setText(within(this.#bar, 'span'), told)
    this.#previous.disabled = this.#page === 0
    this.#next.disabled = this.#page === last
    return shown
  }
}
