type Attributes = Readonly<Record<string, string | number | boolean>>
type Content = Node | string

/** The element of the page with this id; the page and its code come as one, so it is there. */
export function byId<E extends Element = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no #${id}`)
  return found as Element as E
}

/** The first element below `parent` that fits; for the insides of an element that has an id. */
export function within<E extends Element = HTMLElement>(parent: ParentNode, selector: string): E {
  const found = parent.querySelector<E>(selector)
  if (!found) throw new Error(`there is no ${selector} here`)
  return found
}

/**
 * A new element. What comes from outside can be a text node or the value of an attribute, and never markup: nothing in
 * this page parses HTML after it has been loaded.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...content: Content[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  assign(element, attributes)
  element.append(...content)
  return element
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...content: Content[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  assign(element, attributes)
  element.append(...content)
  return element
}

function assign(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'boolean') element.toggleAttribute(name, value)
    else element.setAttribute(name, String(value))
  }
}

/** Writes only what has changed: a page that redraws every second should touch little. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export type Level = 'bad' | 'warn' | 'gone' | ''

export function setLevel(element: HTMLElement | SVGElement, level: Level): void {
  if (level === '') delete element.dataset.level
  else element.dataset.level = level
}
